//! Mutators that renew their tokens at every safepoint: what they made before is counted right everywhere, as is what they make then.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    rc::Rc,
    thread,
};

use gc_core::{Counted, CountedWeak, Mutator, Trace};
use gc_tests::{
    heaps::{calm, settle},
    ledger::{Ledger, Token},
};

use crate::{chain::drop_elsewhere, support::Relays};

/// Every safepoint makes what was made before another's, which goes at once, wherever it is dropped.
#[test]
fn what_was_made_before_a_safepoint_goes_at_once() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let relays = Relays::ready(&heap, &mut m);
    let ledger = Ledger::default();
    let mut older: Vec<(Counted<Token>, CountedWeak<Token>)> = Vec::new();
    for round in 0..40 {
        let made = || Counted::new(ledger.token());
        let (elsewhere, here, taken) = (made(), made(), made());
        let (clone, weak) = (elsewhere.clone(), Counted::downgrade(&here));
        older.push((here.clone(), weak.clone()));
        let before = ledger.dropped();
        relays.pass(&mut m);
        assert_eq!(Counted::strong_count(&elsewhere), 2, "round {round}");
        drop_elsewhere(elsewhere);
        assert_eq!(ledger.dropped(), before);
        drop_elsewhere(clone);
        assert_eq!(ledger.dropped(), before + 1, "round {round}: it waits");
        drop(here);
        assert_eq!(Counted::strong_count(&weak.upgrade().unwrap()), 2, "with that in `older`");
        drop(Counted::try_unwrap(taken).unwrap());
        assert_eq!(ledger.dropped(), before + 2, "round {round}");
        // One of an older token, or of this one.
        if round % 3 == 0 {
            let (mut one, weak) = older.swap_remove(round % older.len());
            drop(weak.upgrade());
            assert!(Counted::get_mut(&mut one).is_none(), "there are weak handles");
            m.blocked(|| drop(one));
            assert!(weak.upgrade().is_none());
        }
    }
    for (one, weak) in older {
        drop_elsewhere(one);
        assert!(weak.upgrade().is_none());
    }
    ledger.assert_all_once();
    drop(relays);
    m.safepoint();
    settle(&heap);
    assert_eq!(heap.stats().counted_waiting, 0);
}

/// Knows the thread where it has to be dropped.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Home(thread::ThreadId, Token);

impl Drop for Home {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.0, "{} is dropped elsewhere", self.1.number());
    }
}

/// Neither `Send` nor `Sync`.
type Bound = (PhantomData<*mut ()>, Home);

fn bound(ledger: &Ledger) -> Counted<Bound> {
    Counted::new((PhantomData, Home(thread::current().id(), ledger.token())))
}

thread_local! {
    static KEPT: RefCell<Vec<Counted<Bound>>> = const { RefCell::new(Vec::new()) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static LATER: RefCell<Vec<Counted<Bound>>> = const { RefCell::new(Vec::new()) };
}

/// A thread has several mutators, attached, parked, kept and lent inside `blocked` of themselves, and each renews its token. What they
/// made never leaves the thread.
#[test]
fn what_is_bound_to_a_thread_stays_there() {
    let ledger = Ledger::default();
    let there = ledger.clone();
    let (heap, other) = (calm().build().unwrap(), calm().build().unwrap());
    thread::spawn(move || {
        let made = Rc::new(Cell::new(Vec::new()));
        let make = || {
            let mut all: Vec<Counted<Bound>> = made.take();
            all.extend([bound(&there), bound(&there)]);
            let clone = all[0].clone();
            all.push(clone);
            made.set(all);
        };
        let drop_some = || {
            let mut all = made.take();
            all.truncate(all.len().saturating_sub(3));
            all.drain(..all.len().min(2));
            made.set(all);
        };
        let mut m = heap.attach().unwrap();
        let relays = Relays::ready(&heap, &mut m);
        let others = m.blocked(|| other.with(|m| Relays::ready(&other, m))).unwrap();
        for round in 0..20 {
            make();
            relays.pass(&mut m);
            make();
            m.blocked(|| {
                make();
                other
                    .with(|o| {
                        make();
                        others.pass(o);
                        make();
                        drop_some();
                        // Its own mutator again, and that one's, within.
                        o.blocked(|| {
                            heap.with(|m| {
                                drop_some();
                                make();
                                m.safepoint();
                                make();
                                relays.feed();
                                drop_some();
                            })
                            .unwrap();
                            drop_some();
                        });
                        drop_some();
                        make();
                    })
                    .unwrap();
                drop_some();
            });
            drop_some();
            if round % 4 == 0 {
                let mut parked = m.park();
                make();
                parked
                    .with(|m| {
                        relays.feed();
                        relays.pass(m);
                        drop_some();
                    })
                    .unwrap();
                m = parked.enter().unwrap();
            }
            let mut all = made.take();
            if let Some(one) = all.pop() {
                if round % 2 == 0 {
                    KEPT.with_borrow_mut(|kept| kept.push(one))
                } else {
                    LATER.with_borrow_mut(|kept| kept.push(one))
                }
            }
            made.set(all);
        }
        drop((relays, others));
        MUTATOR.set(Some(m));
        drop(made.take());
    })
    .join()
    .unwrap();
    ledger.assert_all_once();
}
