//! Destructors of counted objects do what they like: bring objects back by weak handles, clone, drop, make, take out, block, attach, panic.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use gc_core::{Collect, Counted, CountedWeak, Trace};
use gc_tests::{
    heaps::{calm, settle, wait_until},
    ledger::{Ledger, Token},
};
use parking_lot::Mutex;

use crate::support::both;

type Run = Box<dyn FnOnce() + Send + Sync>;

/// A value whose destructor runs a function.
#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Runs {
    #[trace(assume_acyclic)]
    run: Mutex<Option<Run>>,
    next: Option<Counted<Runs>>,
    _token: Option<Token>,
}

impl Runs {
    fn new(run: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { run: Mutex::new(Some(Box::new(run))), next: None, _token: None }
    }

    fn link(ledger: &Ledger, next: Option<Counted<Runs>>, run: impl FnOnce() + Send + Sync + 'static) -> Counted<Self> {
        Counted::new(Self { run: Mutex::new(Some(Box::new(run))), next, _token: Some(ledger.token()) })
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if let Some(run) = self.run.get_mut().take() {
            run();
        }
    }
}

#[test]
fn an_object_that_is_being_dropped_cannot_be_brought_back() {
    both(|_, m| {
        let slot: Arc<Mutex<Option<CountedWeak<Runs>>>> = Arc::default();
        let (found, inner) = (Arc::new(AtomicUsize::new(9)), slot.clone());
        let seen = found.clone();
        let one = Counted::new(Runs::new(move || {
            let weak = inner.lock().take().unwrap();
            let back = weak.upgrade();
            seen.store(usize::from(back.is_some()) + weak.strong_count(), Ordering::Relaxed);
            // And again, elsewhere.
            assert!(thread::spawn(move || weak.clone().upgrade().is_none()).join().unwrap());
        }));
        *slot.lock() = Some(Counted::downgrade(&one));
        drop(one);
        assert_eq!(found.load(Ordering::Relaxed), 0);
        drop(m);
    });
}

#[test]
fn a_destructor_makes_clones_and_drops() {
    both(|_, m| {
        let ledger = Ledger::default();
        let kept: Arc<Mutex<Vec<Counted<Token>>>> = Arc::default();
        let (there, within) = (kept.clone(), ledger.clone());
        let one = Counted::new(ledger.token());
        let two = one.clone();
        drop(Counted::new(Runs::new(move || {
            let fresh = Counted::new(within.token());
            let mut kept = there.lock();
            kept.extend([fresh.clone(), two.clone(), two]);
            drop(fresh);
        })));
        assert_eq!(Counted::strong_count(&one), 3);
        assert_eq!(ledger.dropped(), 0);
        kept.lock().clear();
        assert_eq!((Counted::strong_count(&one), ledger.dropped()), (1, 1));
        drop(one);
        ledger.assert_all_once();
        drop(m);
    });
}

#[test]
fn a_destructor_takes_the_contents_of_another() {
    both(|_, m| {
        let ledger = Ledger::default();
        let mut other = Counted::new(ledger.token());
        let weak = Counted::downgrade(&other);
        let there = ledger.clone();
        drop(Counted::new(Runs::new(move || {
            assert!(Counted::get_mut(&mut other).is_none());
            drop(Counted::into_inner(other));
            there.assert_all_once();
        })));
        assert!(weak.upgrade().is_none());
        drop(m);
    });
}

/// Chains whose every link's destructor makes and drops chains.
#[test]
fn chains_in_destructors_of_chains_are_dropped() {
    fn chain(depth: u32, ledger: &Ledger) -> Option<Counted<Runs>> {
        let mut next = None;
        for _ in 0..200 {
            let inner = ledger.clone();
            next = Some(Runs::link(ledger, next, move || {
                if depth > 0 {
                    drop(chain(depth - 1, &inner));
                }
            }));
        }
        next
    }
    both(|_, m| {
        let ledger = Ledger::default();
        drop(chain(1, &ledger));
        assert_eq!(ledger.made(), 200 + 200 * 200);
        ledger.assert_all_once();
        drop(m);
    });
}

/// Every third destructor of a long chain panics: all run, all is freed, the first panic goes on.
#[test]
fn panics_in_a_chain_lose_nothing() {
    both(|_, m| {
        let ledger = Ledger::default();
        let mut next = None;
        for link in 0..1000 {
            next = Some(Runs::link(&ledger, next, move || assert!(link % 3 != 0, "panic of link {link}")));
        }
        assert_eq!(next.as_ref().and_then(|link| link.next.as_ref()).map(Counted::strong_count), Some(1));
        let payload = panic::catch_unwind(AssertUnwindSafe(|| drop(next))).unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "panic of link 999");
        ledger.assert_all_once();
        // The thread's lists are as they were.
        drop((0..1000).fold(None, |next, _| Some(Runs::link(&ledger, next, || {}))));
        ledger.assert_all_once();
        drop(m);
    });
}

/// An object that refers to many, all of which panic.
#[test]
fn panics_side_by_side_lose_nothing() {
    both(|_, m| {
        let ledger = Ledger::default();
        let many: Vec<_> =
            (0..100).map(|_| Counted::new(Runs::link(&ledger, None, || panic!("one of many")))).collect();
        let one = Counted::new(many);
        assert!(panic::catch_unwind(AssertUnwindSafe(|| drop(one))).is_err());
        ledger.assert_all_once();
        drop(m);
    });
}

#[test]
fn a_panic_goes_on_and_the_memory_is_freed() {
    both(|_, m| {
        let ledger = Ledger::default();
        let one = Runs::link(&ledger, None, || panic!("a destructor"));
        let weak = Counted::downgrade(&one);
        assert!(panic::catch_unwind(AssertUnwindSafe(|| drop(one))).is_err());
        ledger.assert_all_once();
        assert!(weak.upgrade().is_none());
        // Counting goes on.
        let two = Counted::new(ledger.token());
        assert_eq!(Counted::strong_count(&two.clone()), 2);
        drop(two);
        ledger.assert_all_once();
        drop(m);
    });
}

/// A destructor that panics on the heap's thread is caught there.
#[test]
fn a_panic_on_the_heaps_thread_is_counted() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(Runs::new(|| panic!("a destructor")));
    thread::spawn(move || drop(one)).join().unwrap();
    m.safepoint();
    settle(&heap);
    assert_eq!(heap.stats().drops_panicked, 1);
}

/// Destructors that block, attach, collect and drop heaps, where they may.
#[test]
fn destructors_may_attach_and_collect() {
    let (heap, other) = (calm().build().unwrap(), calm().build().unwrap());
    let ran = Arc::new(AtomicUsize::new(0));
    let make = || {
        let (other, ran) = (other.clone(), ran.clone());
        Counted::new(Runs::new(move || {
            match other.attach() {
                Ok(mut m) => {
                    let one = Counted::new(String::from("made here"));
                    m.collect(Collect::Young);
                    m.blocked(|| drop(one.clone()));
                    drop(one);
                    drop(m);
                }
                Err(error) => drop(error),
            }
            ran.fetch_add(1, Ordering::Relaxed);
        }))
    };
    drop(make());
    let mut m = heap.attach().unwrap();
    drop(make());
    let one = make();
    m.blocked(|| drop(one));
    let one = make();
    thread::spawn(move || drop(one)).join().unwrap();
    m.safepoint();
    wait_until("all ran", || ran.load(Ordering::Relaxed) == 4);
    let one = make();
    drop(m);
    drop(one);
    drop((heap, other));
    assert_eq!(ran.load(Ordering::Relaxed), 5);
}

/// What a destructor drops goes at once, as anywhere, also if the thread unwinds; after that destructor, if many are under way: so it must not
/// wait for it.
#[test]
fn what_a_destructor_drops_goes_at_once_or_afterwards() {
    both(|_, m| {
        let chain = |links: usize| {
            let (ledger, at_once) = (Ledger::default(), Arc::new(AtomicUsize::new(9)));
            let (within, seen) = (ledger.clone(), at_once.clone());
            let last = Runs::link(&Ledger::default(), None, move || {
                let one = Counted::new(within.token());
                drop(one);
                seen.store(within.dropped(), Ordering::Relaxed);
            });
            let first = (0..links).fold(last, |next, _| Runs::link(&Ledger::default(), Some(next), || {}));
            (first, ledger, at_once)
        };
        for (links, unwinds) in [(0, false), (10, false), (31, false), (100, false), (0, true), (10, true)] {
            let (first, ledger, at_once) = chain(links);
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                let _first = first;
                assert!(!unwinds, "unwinds");
            }));
            assert_eq!(result.is_err(), unwinds);
            ledger.assert_all_once();
            let at_once = at_once.load(Ordering::Relaxed);
            assert!(links >= 30 || at_once == 1);
        }
        drop(m);
    });
}
