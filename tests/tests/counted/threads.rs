//! Mutators that leak, end, block and change heaps while others hold what they made; thread-locals that end in every order.

use std::{
    cell::RefCell,
    mem, panic,
    panic::AssertUnwindSafe,
    sync::{Arc, Barrier, mpsc},
    thread,
};

use gc_core::{Collect, Counted, CountedWeak, Heap, Mutator, blocking};
use gc_tests::{
    heaps::{calm, checked, settle, wait_until},
    ledger::{Ledger, Token},
};
use parking_lot::Mutex;

fn heap() -> Heap {
    calm().build().unwrap()
}

/// What a leaked mutator made is used and dropped by others; nothing of it dangles, some of it leaks.
#[test]
fn what_a_leaked_mutator_made_never_dangles() {
    let ledger = Ledger::default();
    let there = ledger.clone();
    let (mut kept, weak) = thread::spawn(move || {
        let heap = heap();
        mem::forget(heap.attach().unwrap());
        let one = Counted::new(there.token());
        let weak = Counted::downgrade(&one);
        // It counts as its thread still: it may be RUNNING for ever.
        drop(Counted::new(there.token()));
        (one, weak)
    })
    .join()
    .unwrap();
    assert_eq!(ledger.dropped(), 1);
    assert!(Counted::get_mut(&mut kept).is_none(), "the owner runs");
    let two = kept.clone();
    assert!(Counted::try_unwrap(two).is_err());
    drop(kept);
    assert!(weak.upgrade().is_some(), "it waits for a safepoint that never comes");
    assert_eq!(ledger.dropped(), 1);
}

/// One that is leaked in `blocked` is away: others merge.
#[test]
fn what_a_mutator_leaked_in_blocked_made_is_merged() {
    let ledger = Ledger::default();
    let there = ledger.clone();
    let (send, receive) = mpsc::channel();
    // The thread stays in `blocked` until the test ends.
    let (release, released) = mpsc::channel::<()>();
    let blocked = thread::spawn(move || {
        let mut m = heap().attach().unwrap();
        send.send(Counted::new(there.token())).unwrap();
        m.blocked(|| {
            send.send(Counted::new(there.token())).unwrap();
            drop(send);
            released.recv().ok();
        });
    });
    let kept: Vec<_> = receive.iter().collect();
    for one in kept {
        drop(Counted::into_inner(one).expect("the owner is away"));
    }
    ledger.assert_all_once();
    drop(release);
    blocked.join().unwrap();
}

#[test]
fn objects_outlive_the_heaps_that_took_turns() {
    let ledger = Ledger::default();
    let mut made = Vec::new();
    for turn in 0..20 {
        let heap = heap();
        let mut m = heap.attach().unwrap();
        made.push(Counted::new(ledger.token()));
        let again = made[turn / 2].clone();
        if turn % 2 == 0 {
            let clones: Vec<_> = made.to_vec();
            m.blocked(|| drop(clones));
        }
        if turn % 3 == 0 {
            drop(heap);
        }
        drop(m);
        drop(again);
    }
    for mut one in made {
        assert_eq!(Counted::strong_count(&one), 1);
        assert!(Counted::get_mut(&mut one).is_some());
    }
    ledger.assert_all_once();
}

/// A panic in `blocked` and through a mutator leaves counting right.
#[test]
fn a_panic_through_a_mutator_leaves_counts_right() {
    let ledger = Ledger::default();
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let one = Counted::new(ledger.token());
    let within = one.clone();
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        m.blocked(|| {
            let _two = within.clone();
            panic!("in blocked")
        })
    }));
    assert!(result.is_err());
    assert_eq!(Counted::strong_count(&one), 2);
    drop(within);
    let there = heap.clone();
    let kept = one.clone();
    m.blocked(|| {
        thread::spawn(move || {
            let _m = there.attach().unwrap();
            let _own = Counted::new(1);
            let _clone = kept.clone();
            panic!("with a mutator")
        })
        .join()
        .unwrap_err()
    });
    assert_eq!(Counted::strong_count(&one), 1);
    drop(one);
    ledger.assert_all_once();
}

/// Clones and drops in `blocked` while others do the same, and the owner comes back and goes again.
#[test]
fn counts_are_right_in_and_out_of_blocked() {
    let ledger = Ledger::default();
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let objects: Vec<_> = (0..8).map(|_| Counted::new(ledger.token())).collect();
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut objects = objects.clone();
            scope.spawn(move || {
                for turn in 0..3000 {
                    let clone = objects[turn % 8].clone();
                    assert!(Counted::strong_count(&clone) >= 1);
                    drop(clone);
                    if turn > 2000 && !objects.is_empty() && turn % 100 == 0 {
                        objects.swap_remove(0);
                        objects.push(Counted::new(Ledger::default().token()));
                    }
                }
            });
        }
        for turn in 0..3000 {
            let clone = objects[turn % 8].clone();
            if turn % 3 == 0 {
                m.blocked(|| drop(clone));
            } else {
                drop(clone);
            }
            m.safepoint();
        }
    });
    m.safepoint();
    for mut object in objects {
        assert!(Counted::get_mut(&mut object).is_some());
    }
    ledger.assert_all_once();
}

/// Contents are written by whoever has the only handle, wherever it goes.
#[test]
fn the_only_handle_may_write_wherever_it_goes() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let mut one = Counted::new(vec![0_u64]);
    for turn in 1..200_u64 {
        let write = move |mut one: Counted<Vec<u64>>| {
            Counted::make_mut(&mut one).push(turn);
            one
        };
        one = match turn % 4 {
            0 => write(one),
            1 => thread::spawn(move || write(one)).join().unwrap(),
            2 => m.blocked(|| thread::spawn(move || write(one)).join().unwrap()),
            _ => {
                let there = heap.clone();
                m.blocked(|| {
                    thread::spawn(move || {
                        let _m = there.attach().unwrap();
                        write(one)
                    })
                    .join()
                    .unwrap()
                })
            }
        };
        m.safepoint();
    }
    assert!(one.iter().copied().eq(0..200));
}

/// Scoped threads borrow and clone what the owner drops meanwhile.
#[test]
fn scoped_threads_clone_what_the_owner_drops() {
    let ledger = Ledger::default();
    let heap = heap();
    let mut m = heap.attach().unwrap();
    for _ in 0..50 {
        let one = Counted::new(ledger.token());
        let sent = Mutex::new(Vec::new());
        let start = Barrier::new(3);
        blocking::scope(&mut m, |scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..20 {
                        sent.lock().push(one.clone());
                        let taken = sent.lock().pop();
                        drop(taken);
                    }
                });
            }
            start.wait();
        });
        drop(one);
        assert_eq!(sent.into_inner().len(), 0);
    }
    m.safepoint();
    settle(&heap);
    ledger.assert_all_once();
}

/// In its destructor it makes, clones and upgrades what other thread-locals had.
struct AtEnd {
    ledger: Ledger,
    own: Option<Counted<Token>>,
    weak: CountedWeak<Token>,
    heap: Heap,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        let fresh = Counted::new(self.ledger.token());
        let again = (self.own.clone(), self.weak.upgrade(), fresh.clone());
        if let Ok(mut m) = self.heap.attach() {
            let more = Counted::new(self.ledger.token());
            m.blocked(|| drop(more.clone()));
            LAST.try_with(|last| last.borrow_mut().push(more)).ok();
            m.collect(Collect::Young);
        }
        drop(fresh);
        drop(again);
        // A long chain, when nothing is left of the thread.
        let mut chain = None;
        for _ in 0..10_000 {
            chain = Some(Counted::new(Chain { _token: self.ledger.token(), _next: chain }));
        }
    }
}

#[derive(gc_core::Trace)]
#[trace(acyclic)]
struct Chain {
    _token: Token,
    _next: Option<Counted<Chain>>,
}

thread_local! {
    static LAST: RefCell<Vec<Counted<Token>>> = const { RefCell::new(Vec::new()) };
    static MUTATOR: RefCell<Option<Mutator>> = const { RefCell::new(None) };
    static FIRST: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static SECOND: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

#[test]
fn thread_locals_end_in_any_order() {
    let ledger = Ledger::default();
    let heap = checked().build().unwrap();
    for order in 0..24_u32 {
        let (there, heap) = (ledger.clone(), heap.clone());
        let sent = thread::spawn(move || {
            let m = heap.attach().unwrap();
            let one = Counted::new(there.token());
            let at_end = || AtEnd {
                ledger: there.clone(),
                own: Some(one.clone()),
                weak: Counted::downgrade(&one),
                heap: heap.clone(),
            };
            let (first, second) = (at_end(), at_end());
            let mut m = Some(m);
            for place in 0..4 {
                match (place + order) % 4 {
                    0 => FIRST.set(Some(mem::replace(&mut *Box::new(at_end()), at_end()))),
                    1 => SECOND.set(Some(at_end())),
                    2 => LAST.with_borrow_mut(|last| last.push(one.clone())),
                    _ => MUTATOR.set(m.take().filter(|_| order % 2 == 0)),
                }
            }
            drop((first, second));
            one
        })
        .join()
        .unwrap();
        drop(sent);
    }
    settle(&heap);
    drop(heap);
    wait_until("everything is dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

/// Objects whose last references are dropped by many threads at once, while the owner polls.
#[test]
fn a_storm_of_questions_drops_each_once() {
    let ledger = Ledger::default();
    let heap = heap();
    let mut m = heap.attach().unwrap();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let (send, receive) = mpsc::channel::<Counted<Token>>();
                scope.spawn(move || receive.iter().for_each(drop));
                send
            })
            .collect();
        for turn in 0..30_000 {
            let one = Counted::new(ledger.token());
            if turn % 2 == 0 {
                senders[turn % 3].send(one.clone()).unwrap();
            }
            senders[(turn + 1) % 3].send(one).unwrap();
            m.safepoint();
            if turn % 1000 == 0 {
                m.blocked(thread::yield_now);
            }
        }
        drop(senders);
    });
    m.safepoint();
    settle(&heap);
    ledger.assert_all_once();
}

/// What waits for its owner when a heap ends.
#[test]
fn a_heap_ends_with_questions_and_drops_all() {
    let ledger = Ledger::default();
    for _ in 0..20 {
        let heap = heap();
        let m = heap.attach().unwrap();
        let many: Vec<_> = (0..100).map(|_| Counted::new(ledger.token())).collect();
        drop(heap);
        thread::spawn(move || drop(many)).join().unwrap();
        drop(m);
    }
    wait_until("everything is dropped", || ledger.dropped() == ledger.made());
    ledger.assert_all_once();
}

/// `mem::forget` leaks, and wraps nothing.
#[test]
fn forgotten_references_leak_and_wrap_nothing() {
    let heap = heap();
    let _m = heap.attach().unwrap();
    let one = Arc::new(Counted::new(1));
    for _ in 0..1000 {
        mem::forget(Counted::clone(&one));
    }
    assert_eq!(Counted::strong_count(&one), 1001);
    let there = one.clone();
    thread::spawn(move || (0..1000).for_each(|_| mem::forget(Counted::clone(&there)))).join().unwrap();
    assert_eq!(Counted::strong_count(&one), 2001);
    assert!(Counted::try_unwrap(Arc::into_inner(one).unwrap()).is_err());
}

/// An object of a heap that refers to counted ones.
#[derive(gc_core::Trace)]
struct Cell<'gc> {
    own: Counted<Token>,
    shared: Vec<Counted<Token>>,
    weak: CountedWeak<Token>,
    next: gc_core::Slot<'gc, Cell<'gc>>,
}

/// Objects of several mutators hold each other's counted objects, move, die, and are dropped by the heap's thread, while their makers run,
/// block and come back.
#[test]
fn objects_of_many_mutators_hold_them() {
    let ledger = Ledger::default();
    let heap = checked().nursery_bytes(256 << 10).build().unwrap();
    let board: Mutex<Vec<Counted<Token>>> = Mutex::default();
    thread::scope(|scope| {
        for id in 0..3_usize {
            let (heap, ledger, board) = (&heap, &ledger, &board);
            scope.spawn(move || {
                let mut m = heap.attach().unwrap();
                let mut root = m.root(None::<gc_core::Gc<Cell>>);
                for turn in 0..600 {
                    let own = Counted::new(ledger.token());
                    let shared: Vec<_> = {
                        let mut board = board.lock();
                        board.push(own.clone());
                        if board.len() > 30 {
                            drop(board.swap_remove(turn % 30));
                        }
                        board.iter().skip(id * 3).take(4).cloned().collect()
                    };
                    let weak = Counted::downgrade(shared.first().unwrap_or(&own));
                    let next = gc_core::Slot::new(if turn % 50 == 0 { None } else { root.get(&m) });
                    let cell = m.alloc(Cell { own, shared, weak, next });
                    root.set(&m, Some(cell));
                    m.safepoint();
                    if turn % 20 == id {
                        m.blocked(thread::yield_now);
                    }
                    if turn % 100 == id {
                        m.collect(Collect::Full);
                    }
                    let mut at = root.get(&m);
                    while let Some(cell) = at {
                        assert!(Counted::strong_count(&cell.own) >= 1);
                        assert!(cell.shared.iter().all(|one| Counted::weak_count(one) < 10_000));
                        drop(cell.weak.upgrade());
                        at = cell.next.get();
                    }
                }
            });
        }
    });
    board.lock().clear();
    drop(heap);
    ledger.assert_all_once();
}
