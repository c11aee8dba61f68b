//! `Heap::spawn` and `scope`: threads that are started with a mutator.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use gc_core::{Collect, EnterError, Gc, GcCell, Heap, blocking};
use gc_tests::heaps::checked;

fn heap() -> Heap {
    checked().build().unwrap()
}

#[test]
fn threads_are_started_by_a_mutator_that_runs_and_joined_while_all_collect() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let cell = m.root(m.alloc(GcCell::new(Vec::<Gc<u64>>::new())));
    let cell = std::sync::Arc::new(cell);
    let threads: Vec<_> = (0..4_u64)
        .map(|id| {
            let cell = cell.clone();
            let start = heap.spawn(move |m| {
                for round in 0..20 {
                    cell.get(m).borrow_mut(m).push(m.alloc(id * 100 + round));
                    m.collect([Collect::Young, Collect::Full][(round % 10 == 0) as usize]);
                }
                m.root(m.alloc(id))
            });
            // To start one waits for nothing, though it cannot attach before this thread is at a safepoint.
            start.unwrap()
        })
        .collect();
    for (id, thread) in threads.into_iter().enumerate() {
        let root = blocking::join(&mut m, thread).unwrap();
        assert_eq!(*root.get(&m), id as u64);
    }
    let mut values: Vec<u64> = cell.get(&m).borrow(&m).iter().map(|n| **n).collect();
    values.sort_unstable();
    assert!(values.into_iter().eq((0..4).flat_map(|id| (0..20).map(move |round| id * 100 + round))));
}

#[test]
fn a_panic_on_a_started_thread_is_its_result_and_detaches_it() {
    let heap = heap();
    let died = heap.spawn(|m| {
        let _root = m.root(m.alloc(1));
        panic!("on purpose")
    });
    assert_eq!(died.unwrap().join().unwrap_err().downcast_ref(), Some(&"on purpose"));
    heap.attach().unwrap().collect(Collect::Full);
}

#[test]
fn a_scope_is_refused_to_a_thread_that_runs_a_mutator() {
    let (one, other) = (heap(), heap());
    let mut m = one.attach().unwrap();
    assert_eq!(one.scope(|_| panic!("not called")), Err(EnterError::Running));
    assert_eq!(other.scope(|_| panic!("not called")), Err(EnterError::Running));
    m.blocked(|| other.scope(|scope| drop(scope.spawn(|m| *m.alloc(1)).unwrap().join()))).unwrap();
    drop(m);
    one.with(|_| assert_eq!(one.scope(|_| panic!("not called")), Err(EnterError::Running))).unwrap();
    one.scope(|_| ()).unwrap();
}

#[test]
fn threads_of_a_scope_borrow_and_start_others() {
    let (heap, other) = (heap(), heap());
    let (sum, mut local) = (AtomicU64::new(0), vec![1_u64, 2, 3]);
    let numbers = local.len();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(10_u64));
    let entered = m.scope(|scope| {
        let start = |index: usize| {
            let (inner, n, root, sum) = (scope.clone(), &local[index], &root, &sum);
            let add = move |m: &mut gc_core::Mutator| {
                m.collect(Collect::Young);
                sum.fetch_add(*n + *root.get(m), Ordering::Relaxed);
            };
            let outer = move |m: &mut gc_core::Mutator| {
                add(m);
                let more = inner.spawn(add).unwrap();
                m.blocked(|| more.join()).unwrap();
            };
            scope.spawn(outer).unwrap()
        };
        let threads: Vec<_> = (0..numbers).map(start).collect();
        // The caller of the scope is blocked: it is lent its own mutator, and enters another heap.
        let entered = (heap.with(|m| *root.get(m)), other.with(|m| *m.alloc(3)));
        // ThreadSanitizer does not see that a scope waits for its threads.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        entered
    });
    assert_eq!(entered, (Ok(10), Ok(3)));
    assert_eq!(sum.load(Ordering::Relaxed), 2 * (6 + 30));
    local.push(*root.get(&m));
    assert_eq!(local, [1, 2, 3, 10]);
}

#[test]
fn a_panic_in_a_scope_leaves_the_callers_mutator_running() {
    let heap = heap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    for round in 0..6 {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            m.scope(|scope| {
                scope
                    .spawn(move |m| {
                        m.collect(Collect::Young);
                        assert!(round % 2 == 0, "on purpose");
                    })
                    .map(drop)
                    .unwrap();
                assert!(round % 3 != 0, "on purpose, too");
            })
        }));
        assert_eq!(caught.is_err(), round % 2 == 1 || round % 3 == 0);
        m.collect(Collect::Full);
        assert_eq!(*root.get(&m), 1);
    }
    drop(m);
    let caught = catch_unwind(AssertUnwindSafe(|| heap.scope(|scope| drop(scope.spawn(|_| panic!("on purpose"))))));
    assert!(caught.is_err());
    drop(thread::scope(|_| heap.attach().unwrap()));
}
