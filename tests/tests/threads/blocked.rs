//! `blocked` in `blocked` by way of other threads, several deep and over two heaps, with panics that go through all of them while
//! others collect.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gc_core::{Collect, Gc, Heap, Root};
use gc_tests::heaps::checked;

/// Attaches on a thread of its own, and goes on below `blocked`. Every level checks its root on the way back.
fn nest(heaps: &[Heap; 2], depth: usize, panics: bool) {
    let work = || {
        let mut m = heaps[depth % 2].attach().unwrap();
        let root: Root<Gc<usize>> = m.root(m.alloc(depth));
        let below = catch_unwind(AssertUnwindSafe(|| {
            m.blocked(|| {
                if depth > 0 {
                    nest(heaps, depth - 1, panics);
                }
                if panics {
                    resume_unwind(Box::new(depth));
                }
            });
        }));
        assert_eq!(*root.get(&m), depth);
        m.safepoint();
        if depth.is_multiple_of(2) {
            m.collect(Collect::Young);
        }
        assert_eq!(*root.get(&m), depth);
        if let Err(payload) = below {
            assert_eq!(*payload.downcast::<usize>().unwrap(), depth);
            // With the mutator on the stack, and the root.
            resume_unwind(Box::new(depth + 1));
        }
    };
    let result = thread::scope(|scope| scope.spawn(work).join());
    if let Err(payload) = result {
        // As the level above throws it.
        assert_eq!(*payload.downcast::<usize>().expect("no assertion failed"), depth + 1);
        resume_unwind(Box::new(depth + 1));
    }
}

#[test]
fn blocked_below_blocked_with_panics_through_all() {
    let heaps = [checked().build().unwrap(), checked().build().unwrap()];
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for heap in &heaps {
            scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    m.alloc([0_u64; 9]);
                    m.collect(Collect::Young);
                }
            });
        }
        for round in 0..8 {
            let panics = round % 2 == 1;
            let result = catch_unwind(AssertUnwindSafe(|| nest(&heaps, 4, panics)));
            assert_eq!(result.is_err(), panics);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
