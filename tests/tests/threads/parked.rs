//! `Mutator::park`: a mutator that its thread has put aside.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use gc_core::{AttachError, Collect, EnterError, Gc, GcCell, Heap, Mutator, Parked};
use gc_tests::{
    heaps::{calm, checked},
    ledger::Ledger,
    sizes::scaled,
};

fn heap() -> Heap {
    checked().build().unwrap()
}

#[test]
fn collections_go_on_without_a_parked_mutator() {
    let heap = heap();
    let m = heap.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    let mut parked = m.park();
    for round in 0..20 {
        heap.spawn(|m| m.collect(Collect::Full)).unwrap().join().unwrap();
        if round % 2 == 0 {
            let m = parked.enter().unwrap();
            assert_eq!(*root.get(&m), 1);
            parked = m.park();
        } else {
            assert_eq!(parked.with(|m| *root.get(m)), Ok(1));
        }
    }
}

#[test]
fn to_park_is_a_safepoint() {
    let heap = calm().nursery_bytes(1 << 20).build().unwrap();
    let mut parked = heap.attach().unwrap().park();
    for _ in 0..20_000 {
        let m = parked.enter().unwrap();
        m.alloc([0_u64; 100]);
        parked = m.park();
    }
    assert!(heap.stats().collections.young + heap.stats().collections.promote > 5, "{:?}", heap.stats());
}

#[test]
fn a_thread_with_a_parked_mutator_attaches_and_enters() {
    let (one, other) = (heap(), heap());
    let parked = one.attach().unwrap().park();
    let m = one.attach().unwrap(); // a second one of the same heap
    let refused = parked.enter().unwrap_err();
    assert_eq!(refused.error, EnterError::Running);
    assert!(refused.to_string().contains("not entered"), "{refused}");
    drop(m);
    let mut parked = refused.parked;
    assert_eq!(parked.with(|_| other.with(|_| ())), Ok(Err(EnterError::Running)));
    assert_eq!(other.with(|_| parked.with(|_| ())), Ok(Err(EnterError::Running)));
    assert_eq!(other.with(|m| m.blocked(|| parked.with(|m| *m.alloc(1)))), Ok(Ok(1)));
    assert_eq!(parked.with(|m| m.blocked(|| other.with(|m| *m.alloc(2)))), Ok(Ok(2)));
    let m = parked.enter().unwrap();
    assert_eq!(other.attach().map(drop), Err(AttachError::AlreadyAttached));
    drop(m);
    drop(other.attach().unwrap());
}

/// To enter for good inside of `blocked` would let two mutators run on a thread: by the closure's result, or past it.
#[test]
fn a_parked_mutator_is_not_to_be_had_for_good_inside_blocked() {
    let (one, other) = (heap(), heap());
    let parked = other.attach().unwrap().park();
    let mut m = one.attach().unwrap();
    let refused = m.blocked(|| parked.enter()).unwrap_err();
    assert_eq!(refused.error, EnterError::Inside);
    let (mut out, mut back) = (None, Some(refused.parked));
    let caught = m.blocked(|| {
        catch_unwind(AssertUnwindSafe(|| {
            match back.take().unwrap().enter() {
                Ok(m) => out = Some(m),
                Err(refused) => back = Some(refused.parked),
            }
            panic!("on purpose");
        }))
    });
    assert!(caught.is_err() && out.is_none());
    drop(m);
    let refused = one.with(|m| m.blocked(|| back.take().unwrap().enter())).unwrap().unwrap_err();
    assert_eq!(refused.error, EnterError::Inside);
    assert_eq!(*refused.parked.enter().unwrap().alloc(1), 1);
}

#[test]
fn two_heaps_on_a_thread_in_turns() {
    let heaps = [heap(), heap()];
    let mut parked = heaps.each_ref().map(|heap| heap.attach().unwrap().park());
    let cells = parked.each_mut().map(|p| p.with(|m| m.root(m.alloc(GcCell::new(Vec::<Gc<u64>>::new())))).unwrap());
    for round in 0..scaled(500) {
        let at = (round % 2) as usize;
        parked[at]
            .with(|m| {
                cells[at].get(m).borrow_mut(m).push(m.alloc(round));
                if round % 50 < 2 {
                    m.collect(Collect::Full);
                }
                assert!(catch_unwind(AssertUnwindSafe(|| cells[1 - at].get(m))).is_err(), "the other heap's");
            })
            .unwrap();
    }
    for at in 0..2 {
        let right = parked[at]
            .with(|m| cells[at].get(m).borrow(m).iter().map(|n| **n).eq((at as u64..scaled(500)).step_by(2)))
            .unwrap();
        assert!(right);
    }
}

#[test]
fn a_parked_mutator_keeps_its_heap_and_a_forgotten_one_holds_nobody_up() {
    let ledger = Ledger::default();
    let heap = heap();
    let m = heap.attach().unwrap();
    m.alloc(ledger.token());
    let mut parked = m.park();
    drop(heap);
    assert_eq!(ledger.dropped(), 0);
    let heap = parked.with(|m| m.heap()).unwrap();
    drop((parked, heap));
    assert_eq!(ledger.dropped(), 1);

    let heap = self::heap();
    mem::forget(heap.attach().unwrap().park());
    let mut m = heap.attach().unwrap();
    m.alloc(ledger.token());
    m.collect(Collect::Full);
    gc_tests::heaps::settle(&heap);
    assert_eq!(ledger.dropped(), 2);
}

/// The leader of a pause has the registry and waits for the mutator that runs on this thread: the drop of a parked one must not wait
/// for the leader.
#[test]
fn parked_mutators_are_dropped_while_one_of_the_same_heap_runs_and_others_collect() {
    let (heap, stop) = (calm().build().unwrap(), AtomicBool::new(false));
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut m = heap.attach().unwrap();
            while !stop.load(Ordering::Relaxed) {
                m.collect(Collect::Young);
            }
        });
        for round in 0..scaled(300) {
            let parked: Vec<Parked> = (0..3).map(|_| heap.attach().unwrap().park()).collect();
            let mut m = heap.attach().unwrap();
            let root = m.root(m.alloc(round));
            drop(parked);
            m.safepoint();
            assert_eq!(*root.get(&m), round);
        }
        stop.store(true, Ordering::Relaxed);
        collector.join().unwrap();
    });
    // What had to be left behind ends with the heap.
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
}

/// A runtime's hooks: a worker parks its mutator when it has nothing to do, and enters when it wakes up.
#[test]
fn a_runtime_parks_and_enters_in_its_hooks() {
    enum Worker {
        Runs(Mutator),
        Parks(Parked),
    }
    let heap = checked().chunk_bytes(16 << 10).nursery_bytes(64 << 10).build().unwrap();
    let idle = Arc::new(parking_lot::Mutex::new(0_u64));
    heap.scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|id| {
                let (heap, idle) = (&heap, idle.clone());
                scope.spawn(move |m| {
                    // The scope's own mutator is blocked: a runtime's thread has none of its own.
                    m.blocked(|| {
                        let mut worker = thread::scope(|_| None);
                        for round in 0..scaled(200) {
                            let task = |m: &mut Mutator| {
                                let root = m.root(m.alloc([round; 10]));
                                m.safepoint();
                                assert_eq!(root.get(m)[9], round);
                            };
                            worker = Some(match worker.take() {
                                Some(Worker::Runs(m)) => Worker::Parks(m.park()),
                                Some(Worker::Parks(parked)) => match parked.enter() {
                                    Ok(m) => Worker::Runs(m),
                                    Err(refused) => Worker::Parks(refused.parked),
                                },
                                None => match heap.attach() {
                                    Ok(m) => Worker::Runs(m),
                                    Err(error) => {
                                        assert_eq!(error, AttachError::AlreadyAttached, "inside of `blocked`");
                                        heap.with(task).unwrap();
                                        continue;
                                    }
                                },
                            });
                            *idle.lock() += id;
                        }
                    });
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.unwrap().join().unwrap());
    })
    .unwrap();
    let workers: Vec<_> = (0..3)
        .map(|id| {
            let (heap, idle) = (heap.clone(), idle.clone());
            thread::spawn(move || {
                let mut worker = Worker::Runs(heap.attach().unwrap());
                for round in 0..scaled(400) {
                    worker = match worker {
                        Worker::Runs(mut m) => {
                            let root = m.root(m.alloc([round; 10]));
                            m.collect([Collect::Young, Collect::Full][(round % 16 == 0) as usize]);
                            assert_eq!(root.get(&m)[9], round);
                            Worker::Parks(m.park())
                        }
                        Worker::Parks(parked) => {
                            *idle.lock() += id;
                            Worker::Runs(parked.enter().unwrap())
                        }
                    };
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}
