//! `Heap::with` inside `blocked`, inside `with`, over several heaps and many levels.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gc_core::{AttachError, Collect, EnterError, Heap, Mutator, Root};
use gc_tests::heaps::checked;

/// Goes down through the heaps in turns, one level in the `blocked` of the one above. Each level checks its roots on the way back.
fn nest(heaps: &[Heap], depth: usize, panics: bool) {
    let work = |m: &mut Mutator| {
        let boxed = m.root(vec![m.alloc(depth)]);
        let root = m.root(m.alloc(depth));
        let below = catch_unwind(AssertUnwindSafe(|| {
            m.blocked(|| {
                if depth > 0 {
                    nest(heaps, depth - 1, panics);
                } else if panics {
                    resume_unwind(Box::new("from the bottom"));
                }
                // Roots of the level, on its own thread: their mutator does not run here.
                drop(boxed);
            });
        }));
        if depth.is_multiple_of(3) {
            m.collect(Collect::Young);
        }
        m.safepoint();
        assert_eq!(*root.get(m), depth);
        if let Err(payload) = below {
            resume_unwind(payload);
        }
    };
    heaps[depth % heaps.len()].with(work).expect("this thread runs no mutator");
}

#[test]
fn with_below_blocked_below_with_while_others_collect() {
    for count in 1..=3 {
        let heaps: Vec<_> = (0..count).map(|_| checked().build().unwrap()).collect();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let stop = &stop;
            let collectors: Vec<_> = heaps
                .iter()
                .map(|heap| {
                    scope.spawn(move || {
                        let mut m = heap.attach().unwrap();
                        while !stop.load(Ordering::Relaxed) {
                            m.alloc([0_u64; 9]);
                            m.collect(Collect::Young);
                        }
                    })
                })
                .collect();
            for round in 0..6 {
                let panics = round % 2 == 1;
                let result = catch_unwind(AssertUnwindSafe(|| nest(&heaps, 20, panics)));
                assert_eq!(result.is_err(), panics);
            }
            // The same under a mutator that is attached, of each heap.
            for heap in &heaps {
                let mut m = heap.attach().unwrap();
                m.blocked(|| nest(&heaps, 20, false));
            }
            stop.store(true, Ordering::Relaxed);
            collectors.into_iter().for_each(|collector| collector.join().unwrap());
        });
    }
}

/// A mutator that was attached inside would leave by the closure's result, and run beside the outer one.
#[test]
fn no_mutator_is_to_be_had_for_good_inside() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    let refused = |heap: &Heap| assert_eq!(heap.attach().map(drop), Err(AttachError::AlreadyAttached));
    let mut m = one.attach().unwrap();
    m.blocked(|| {
        refused(&other);
        other
            .with(|m| {
                refused(&other);
                m.blocked(|| refused(&one));
            })
            .unwrap();
        refused(&other);
    });
    drop(m);
    one.with(|m| {
        refused(&one);
        // By the result of the closure, and past it, by a panic that is caught inside.
        assert!(m.blocked(|| other.attach()).is_err());
        let mut out = None;
        let caught = m.blocked(|| {
            catch_unwind(AssertUnwindSafe(|| {
                out = other.attach().ok();
                panic!("on purpose")
            }))
        });
        assert!(caught.is_err() && out.is_none());
    })
    .unwrap();
    drop(other.attach().unwrap());
}

#[test]
fn a_root_of_one_heap_is_refused_by_the_mutator_of_another() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    let root = one.with(|m| m.root(m.alloc(1_u64))).unwrap();
    one.with(|m| {
        m.blocked(|| other.with(|m| assert!(catch_unwind(AssertUnwindSafe(|| root.get(m))).is_err()))).unwrap();
        assert_eq!(*root.get(m), 1);
    })
    .unwrap();
}

/// Roots of all levels are dropped on levels where their mutator is blocked, where it runs, and elsewhere.
#[test]
fn roots_are_dropped_on_every_level() {
    let (one, other) = (checked().build().unwrap(), checked().build().unwrap());
    let mut kept: Vec<Root<Vec<u64>>> = Vec::new();
    for round in 0..50_u64 {
        one.with(|m| {
            kept.push(m.root(vec![round; 3]));
            let here = m.root(vec![round]);
            m.blocked(|| {
                other.with(|m| {
                    drop(here);
                    kept.push(m.root(vec![round; 4]));
                    kept.truncate(20);
                    if round % 7 == 0 {
                        m.collect(Collect::Young);
                    }
                    m.blocked(|| one.with(|m| kept.push(m.root(vec![round; 5])))).unwrap();
                })
            })
            .unwrap();
            kept.pop();
            if round % 5 == 0 {
                m.collect(Collect::Full);
            }
        })
        .unwrap();
        kept.truncate(if round % 10 == 0 { 0 } else { 20 });
    }
    thread::spawn(move || drop(kept)).join().unwrap();
    one.with(|m| m.collect(Collect::Full)).unwrap();
}

#[test]
fn a_lent_mutator_is_as_good_as_an_attached_one() {
    let heap = checked().build().unwrap();
    let answer = heap.with(|m| {
        let there = m.heap();
        let worker = there.spawn(|m| m.root(m.alloc(41_u64))).unwrap();
        let root = gc_core::blocking::join(m, worker).unwrap();
        m.scope(|scope| scope.spawn(|m| assert_eq!(*root.get(m), 41)).map(drop)).unwrap();
        assert_eq!(there.with(|_| ()), Err(EnterError::Running));
        assert!(!m.safepoint_pending() || cfg!(debug_assertions) || std::env::var("GC_CORE_STRESS").is_ok());
        *root.get(m) + 1
    });
    assert_eq!(answer, Ok(42));
}
