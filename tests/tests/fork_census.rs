//! A census in the child of a fork. Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use gc_core::{Mutator, observe::Census};
use gc_tests::{
    forks::in_child,
    heaps::{under, wait_until},
    sizes::scaled,
};

fn count(m: &mut Mutator, objects: usize) {
    for _ in 0..2 {
        let census = Census::take(m);
        assert_eq!((census.count::<u64>(), census.all().objects), (objects, objects + 1));
    }
}

/// Another thread waits for a census of its own, at any point of its cycle, and is gone in the child.
#[test]
fn a_child_counts_while_the_parent_does() {
    const OBJECTS: usize = 3000;
    for profile in ["slow-marker=256,verify", "stopped", "compact-always"] {
        let heap = under(profile).idle_after(Duration::MAX).build().unwrap();
        let mut m = heap.attach().unwrap();
        let kept = m.root(m.alloc_slice_with(OBJECTS, |n| m.alloc(n as u64)));
        let (begun, ends) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut m = heap.attach().unwrap();
                // Relaxed, all of them: only flags.
                while !ends.load(Ordering::Relaxed) {
                    assert_eq!(Census::take(&mut m).count::<u64>(), OBJECTS);
                    begun.store(true, Ordering::Relaxed);
                }
            });
            wait_until("there was a census", || {
                m.safepoint();
                begun.load(Ordering::Relaxed)
            });
            for _ in 0..scaled(12) {
                in_child(profile, || count(&mut m, OBJECTS), |wait| wait());
                count(&mut m, OBJECTS);
            }
            ends.store(true, Ordering::Relaxed);
            // It may be counting.
            m.blocked(|| other.join().unwrap());
            drop(kept);
            drop(m);
        });
    }
}
