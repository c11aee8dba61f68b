//! Cells whose guards were forgotten, by mutators that are gone and others that have their numbers: on stacks, in objects and in roots.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use gc_core::{Collect, Gc, GcCell, Heap, Mutator, Root, Trace, blocking};
use gc_tests::{
    Tested,
    heaps::{calm, checked, under},
};

fn message(access: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(access)).expect_err("this conflicts");
    payload.downcast_ref::<String>().expect("a message").clone()
}

/// Two mutators that are away, so that others attach without a stop and cells are locks.
fn among_others(heap: &Heap, run: impl FnOnce() + Send) {
    let (begin, end) = (Barrier::new(3), Barrier::new(3));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                heap.attach().expect("a free thread").blocked(|| {
                    begin.wait();
                    end.wait();
                });
            });
        }
        begin.wait();
        let ended = catch_unwind(AssertUnwindSafe(run));
        end.wait();
        if let Err(payload) = ended {
            std::panic::resume_unwind(payload);
        }
    });
}

/// A mutator got the number of one that had gone and left a guard behind, and its first access was told to end a guard of its own thread. It
/// never had one.
#[test]
fn a_conflict_names_no_guard_that_its_thread_never_had() -> Tested {
    let heap = calm().build()?;
    among_others(&heap, || {
        let root = {
            let m = heap.attach().expect("a free thread");
            let root = m.root(m.alloc(GcCell::new(1_u64)));
            mem::forget(root.get(&m).borrow_mut(&m));
            root
        };
        let found = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let m = heap.attach().expect("a free thread");
                message(|| root.get(&m).set(&m, 2))
            });
            other.join().expect("no panic that is not caught")
        });
        assert!(found.contains("mutator number") && !found.contains("of this thread"), "{found}");
    });
    Ok(())
}

/// However many come and go between two stops, whoever finds the guard of another is not told that it is its own, and after a stop all numbers are
/// given again.
#[test]
fn numbers_of_mutators_rest_until_a_stop() -> Tested {
    let heap = calm().build()?;
    among_others(&heap, || {
        let cell = GcCell::new(0_u64);
        for round in 0..50 {
            {
                let m = heap.attach().expect("a free thread");
                cell.set(&m, cell.get(&m) + 1);
                mem::forget(cell.borrow_mut(&m));
            }
            let mut m = heap.attach().expect("a free thread");
            m.collect(Collect::Young);
            assert_eq!(cell.get(&m), round + 1);
        }
    });
    Ok(())
}

#[derive(Trace)]
struct Holder<'gc> {
    many: GcCell<Vec<Gc<'gc, u64>>>,
    one: GcCell<Option<Box<Gc<'gc, u64>>>>,
}

fn check(m: &Mutator, root: &Root<Gc<'static, Holder<'static>>>, number: u64) {
    let holder = root.get(m);
    assert!(holder.many.borrow(m).iter().all(|value| **value == number));
    assert_eq!(holder.many.borrow(m).len(), 20);
    assert_eq!(holder.one.borrow(m).as_deref().map(|value| **value), Some(number));
}

/// A cell that is locked by a forgotten guard when it is moved into the heap is looked at like any other: by pauses, and by the marker.
#[test]
fn a_cell_that_is_locked_as_it_is_allocated_is_looked_at() -> Tested {
    for profile in ["verify", "slow-marker=1,verify", "stopped,verify", "promote-always,verify"] {
        let heap = under(profile).build()?;
        let mut m = heap.attach()?;
        for write in [false, true] {
            let roots: Vec<_> = (0..20)
                .map(|number| {
                    let value = m.alloc(number);
                    let holder = Holder { many: GcCell::new(vec![value; 20]), one: GcCell::new(Some(Box::new(value))) };
                    if write {
                        mem::forget((holder.many.borrow_mut(&m), holder.one.borrow_mut(&m)));
                    } else {
                        mem::forget((holder.many.borrow(&m), holder.one.borrow(&m)));
                    }
                    m.root(m.alloc(holder))
                })
                .collect();
            for generation in [Collect::Young, Collect::Full, Collect::Young, Collect::Full] {
                m.collect(generation);
                roots.iter().zip(0..).for_each(|(root, number)| check(&m, root, number));
            }
        }
    }
    Ok(())
}

/// The value of a root is a cell whose guard was forgotten: the value is looked at in each pause, and may be changed by `get_mut`.
#[test]
fn a_root_of_a_cell_whose_guard_was_forgotten_is_looked_at() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let mut root = m.root(GcCell::new(vec![m.alloc(0_u64)]));
    for number in 1..20 {
        {
            let mut guard = root.borrow(&m).borrow_mut(&m);
            guard.push(m.alloc(number));
            mem::forget(guard);
        }
        assert!(message(|| drop(root.borrow(&m).borrow(&m))).contains("write guard of this thread"));
        // Whoever owns it needs no lock; a new word is not locked.
        if number % 3 == 0 {
            let cell = root.get_mut(&m);
            let values = mem::take(cell).into_inner();
            *cell = GcCell::new(values);
            assert_eq!(root.borrow(&m).borrow(&m).len() as u64, number + 1);
        }
        m.collect([Collect::Young, Collect::Full][number as usize % 2]);
        assert!(root.borrow(&m).borrow(&m).iter().zip(0..).all(|(value, number)| **value == number));
    }
    Ok(())
}

/// Threads come and go by the hundred, so that cells change between plain words and locks, numbers are given again and stops are shared;
/// each writes two halves that belong together.
#[test]
fn halves_that_belong_together_are_never_seen_apart() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let root = m.root(m.alloc(GcCell::new((0_u64, vec![m.alloc(0_u64)]))));
    let stop = AtomicBool::new(false);
    let turn = |m: &Mutator| {
        let cell = root.get(m);
        let mut guard = cell.borrow_mut(m);
        assert_eq!(*guard.1[0], guard.0);
        guard.0 += 1;
        let next = m.alloc(guard.0);
        guard.1[0] = next;
        drop(guard);
        let guard = cell.borrow(m);
        assert_eq!(*guard.1[0], guard.0);
    };
    let turns = blocking::scope(&mut m, |scope| {
        let comers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..150 {
                        let mut m = heap.attach().expect("a free thread");
                        turn(&m);
                        if round % 7 == 0 {
                            m.collect(Collect::Young);
                        }
                        turn(&m);
                    }
                })
            })
            .collect();
        let stays = scope.spawn(|| {
            let mut m = heap.attach().expect("a free thread");
            let mut turns = 0;
            while !stop.load(Ordering::Relaxed) {
                turn(&m);
                turns += 1;
                m.safepoint();
                if turns % 64 == 0 {
                    // Nobody may be attached for a moment.
                    drop(m);
                    m = heap.attach().expect("a free thread");
                }
            }
            turns
        });
        comers.into_iter().for_each(|comer| comer.join().expect("no panic"));
        stop.store(true, Ordering::Relaxed);
        stays.join().expect("no panic") + 600
    });
    assert_eq!(root.get(&m).borrow(&m).0, turns);
    Ok(())
}

/// A guard that was leaked and is still borrowed from: what is written by it is seen by every collection after it.
#[test]
fn what_a_leaked_guard_writes_is_remembered() -> Tested {
    for profile in ["verify", "slow-marker=1,verify"] {
        let heap = under(profile).build()?;
        let mut m = heap.attach()?;
        let root = m.root(m.alloc(Holder { many: GcCell::default(), one: GcCell::default() }));
        m.collect(Collect::Full);
        for number in 0..30 {
            {
                let holder = root.get(&m);
                let many = Box::leak(Box::new(holder.many.borrow_mut(&m)));
                let one = Box::leak(Box::new(holder.one.borrow_mut(&m)));
                many.clear();
                many.extend((0..20).map(|_| m.alloc(number)));
                **one = Some(Box::new(m.alloc(number)));
            }
            m.collect([Collect::Young, Collect::Promote, Collect::Full][number as usize % 3]);
            check(&m, &root, number);
        }
    }
    Ok(())
}
