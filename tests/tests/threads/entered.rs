//! `Heap::with`: a thread enters a heap for the time of a closure, by a mutator that it keeps.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use gc_core::{AttachError, Collect, Counted, EnterError, Gc, GcCell, Heap, Level, Root, Slot, Trace};
use gc_tests::{
    heaps::{calm, checked, settle},
    ledger::Ledger,
    sizes::scaled,
};
use parking_lot::Mutex;

fn heap() -> Heap {
    checked().build().unwrap()
}

#[derive(Trace)]
struct Node<'gc> {
    value: u64,
    next: Slot<'gc, Node<'gc>>,
}

/// Enters heaps when it is dropped, and tells what came of it.
#[derive(Trace)]
#[trace(leaf)]
struct Enters {
    heaps: Vec<Heap>,
    tell: Arc<Mutex<Vec<Result<u64, EnterError>>>>,
}

impl Drop for Enters {
    fn drop(&mut self) {
        for heap in self.heaps.drain(..) {
            self.tell.lock().push(heap.with(|m| *m.alloc(1)));
        }
    }
}

#[test]
fn roots_carry_a_list_from_call_to_call() {
    let heap = heap();
    let list = heap.with(|m| m.root(m.alloc(Node { value: 0, next: Slot::null() }))).unwrap();
    for value in 1..300 {
        heap.with(|m| {
            let head = list.get(m);
            let new = m.alloc(Node { value, next: Slot::new(head.next.get()) });
            head.next.set(m, Some(new));
            if value % 100 == 0 {
                m.collect(Collect::Full);
            }
        })
        .unwrap();
    }
    let length = heap.with(|m| {
        let (mut next, mut length) = (list.get(m).next.get(), 0);
        while let Some(node) = next {
            assert_eq!(node.value, 299 - length);
            (next, length) = (node.next.get(), length + 1);
        }
        length
    });
    assert_eq!(length, Ok(299));
}

#[test]
fn a_thread_that_only_enters_collects() {
    let heap = calm().nursery_bytes(1 << 20).build().unwrap();
    for _ in 0..20_000 {
        heap.with(|m| {
            m.alloc([0_u64; 100]);
        })
        .unwrap();
    }
    let stats = heap.stats();
    assert!(stats.collections.young + stats.collections.promote > 5, "{stats:?}");
    assert!(stats.memory_peak < 64 << 20, "{stats:?}");
}

#[test]
fn while_a_mutator_runs_none_is_lent() {
    let (one, other) = (heap(), heap());
    let never = |_: &mut gc_core::Mutator| panic!("the closure is not called");
    let m = one.attach().unwrap();
    assert_eq!(one.with(never), Err(EnterError::Running));
    assert_eq!(other.with(never), Err(EnterError::Running));
    m.alloc_with(|| assert_eq!(other.with(never), Err(EnterError::Running)));
    m.alloc_slice_with(2, |_| assert_eq!(one.with(never), Err(EnterError::Running)));
    drop(m);
    one.with(|_| {
        assert_eq!(one.with(never), Err(EnterError::Running));
        assert_eq!(other.with(never), Err(EnterError::Running));
    })
    .unwrap();
    // Kept by now, and lent in the same way.
    other.with(|_| assert_eq!(one.with(never), Err(EnterError::Running))).unwrap();
    thread::spawn(move || {
        mem::forget(one.attach().unwrap());
        assert_eq!(one.with(never), Err(EnterError::Running));
        assert_eq!(other.with(never), Err(EnterError::Running));
    })
    .join()
    .unwrap();
}

#[test]
fn a_thread_that_keeps_a_mutator_may_attach() {
    let (one, other) = (heap(), heap());
    let kept = one.with(|m| m.root(m.alloc(1_u64))).unwrap();
    for heap in [&one, &other, &one] {
        let mut m = heap.attach().unwrap();
        let root = m.root(m.alloc(2_u64));
        m.collect(Collect::Full);
        assert_eq!(*root.get(&m), 2);
        assert_eq!(m.blocked(|| one.with(|m| *kept.get(m))), Ok(1));
    }
    one.with(|m| assert_eq!(other.attach().map(drop), Err(AttachError::AlreadyAttached), "{m:?}")).unwrap();
    drop(other.attach().unwrap());
}

#[test]
fn a_panic_leaves_the_kept_mutator_blocked_and_usable() {
    let (one, other) = (heap(), heap());
    let root = one.with(|m| m.root(m.alloc(GcCell::new(Vec::<Gc<u64>>::new())))).unwrap();
    for round in 0..20 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            one.with(|m| {
                root.get(m).borrow_mut(m).push(m.alloc(round));
                match round % 3 {
                    0 => panic!("in the closure"),
                    1 => m.blocked(|| other.with(|m| m.blocked(|| panic!("four closures deep")))),
                    _ => {
                        let cell = root.get(m);
                        let _guard = cell.borrow_mut(m);
                        panic!("with a guard")
                    }
                }
            })
        }));
        assert!(unwound.is_err());
        // It is blocked: another thread's collection does not wait for it.
        let there = one.clone();
        thread::spawn(move || there.attach().unwrap().collect(Collect::Full)).join().unwrap();
        assert_eq!(one.with(|m| root.get(m).borrow(m).len()), Ok(round as usize + 1));
        drop(one.attach().unwrap());
    }
}

#[test]
fn guards_that_are_forgotten_inside_end_at_the_next_stop() {
    let (one, other) = (heap(), heap());
    let cell = one.with(|m| m.root(m.alloc(GcCell::new(0_u64)))).unwrap();
    // On a stack, and so under one heap after another.
    let local = GcCell::new(0_u64);
    for round in 0..10 {
        one.with(|m| {
            mem::forget(cell.get(m).borrow_mut(m));
            mem::forget(local.borrow_mut(m));
            m.collect(Collect::Young);
            *cell.get(m).borrow_mut(m) += 1;
            *local.borrow_mut(m) += 1;
            m.blocked(|| other.with(|m| *local.borrow_mut(m) += 1)).unwrap();
            assert_eq!((cell.get(m).get(m), *local.borrow(m)), (round + 1, 2 * (round + 1)));
        })
        .unwrap();
    }
}

#[test]
fn counted_objects_made_inside_are_counted_right_outside() {
    let heap = heap();
    let ledger = Ledger::default();
    for round in 0..50 {
        let made = heap.with(|_| Counted::new(ledger.token())).unwrap();
        // This thread counts atomically now, and another one at the same time.
        let other = made.clone();
        let thread = thread::spawn(move || (0..100).map(|_| drop(other.clone())).count());
        heap.with(|m| {
            (0..100).for_each(|_| drop(made.clone()));
            if round % 2 == 0 {
                m.safepoint();
            }
        })
        .unwrap();
        drop(made);
        thread.join().unwrap();
        assert_eq!(ledger.dropped(), round + 1);
    }
    ledger.assert_all_once();
}

#[test]
fn destructors_and_hooks_on_the_heaps_own_threads_cannot_enter() {
    let (send, hooked) = mpsc::channel();
    let send = Mutex::new(send);
    let other = heap();
    let others = other.clone();
    let one = checked()
        .on_event(Level::Debug, move |_| {
            let _ = send.lock().send(others.with(|_| ()));
        })
        .build()
        .unwrap();
    let tell = Arc::default();
    let enters = || Enters { heaps: vec![one.clone(), other.clone()], tell: Arc::clone(&tell) };
    one.with(|m| {
        for _ in 0..10 {
            m.alloc(enters());
            m.collect(Collect::Full);
        }
        m.blocked(|| settle(&one));
        assert_eq!(hooked.recv().unwrap(), Err(EnterError::CollectorThread));
        assert_eq!(*tell.lock(), vec![Err(EnterError::CollectorThread); 20]);
        tell.lock().clear();
        // On this thread, which runs.
        drop(m.root(enters()));
        assert_eq!(*tell.lock(), [Err(EnterError::Running), Err(EnterError::Running)]);
        tell.lock().clear();
        // And which does not: the destructor of the program's own value.
        m.blocked(|| drop(enters()));
        assert_eq!(*tell.lock(), [Ok(1), Ok(1)]);
    })
    .unwrap();
}

#[test]
fn threads_that_enter_by_the_thousand_meet_collections() {
    let heap = checked().chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let slots = heap.with(|m| m.root(m.alloc_slice_with(8, |_| Slot::<Node>::null()))).unwrap();
    let stop = AtomicBool::new(false);
    let (heap, slots, stop): (&Heap, &Root<Gc<[Slot<Node>]>>, _) = (&heap, &slots, &stop);
    thread::scope(|scope| {
        let collector = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            while !stop.load(Ordering::Relaxed) {
                m.collect(Collect::Young);
                m.collect(Collect::Full);
            }
        });
        let rounds = scaled(3000);
        let work = move |id: u64| {
            for value in 0..rounds {
                heap.with(|m| {
                    let slot = &slots.get(m)[id as usize];
                    slot.set(m, Some(m.alloc(Node { value, next: Slot::new(slot.get().filter(|_| value % 64 != 0)) })));
                })
                .unwrap();
                heap.with(|m| {
                    let (mut at, mut expected) = (slots.get(m)[id as usize].get(), value + 1);
                    while let Some(node) = at {
                        expected -= 1;
                        assert_eq!(node.value, expected);
                        at = node.next.get();
                    }
                })
                .unwrap();
            }
        };
        let workers: Vec<_> = (0..3).map(|id| scope.spawn(move || work(id))).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        collector.join().unwrap();
    });
}
