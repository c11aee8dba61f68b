//! A fork while a destructor runs for long, whose part another thread has taken the rest of.
//! Alone in its process: only the thread that forks goes on in the child.

#![forbid(unsafe_code)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use gc_core::{Collect, Leaf};
use gc_tests::{
    forks::in_child,
    heaps::{calm, wait_until},
};

static DROPPED: [AtomicUsize; 101] = [const { AtomicUsize::new(0) }; 101];

/// Owns nothing, so that a second drop does no harm here.
struct Value(usize, Arc<parking_lot::Mutex<()>>);

impl Drop for Value {
    fn drop(&mut self) {
        DROPPED[self.0].fetch_add(1, SeqCst);
        if self.0 == 0 {
            // This one is slow.
            drop(self.1.lock());
        }
    }
}

/// The values behind the slow one are dropped by another thread of the parent. The child, which has them too, does not drop them again.
#[test]
fn a_child_does_not_drop_again_what_was_taken_from_behind_a_slow_destructor() {
    let gate = Arc::new(parking_lot::Mutex::new(()));
    let heap = calm().slow_destructor(Duration::from_millis(5)).build().unwrap();
    let mut m = heap.attach().unwrap();
    for index in 0..DROPPED.len() {
        // Leaked clones: a second drop must not free anything.
        let gate = gate.clone();
        std::mem::forget(gate.clone());
        m.alloc(Leaf(Value(index, gate)));
    }
    let closed = gate.lock();
    m.collect(Collect::Young);
    wait_until("all but the slow one are dropped", || DROPPED.iter().all(|dropped| dropped.load(SeqCst) == 1));
    let child = || {
        m.collect(Collect::Full);
        let _ = m.drain_drops(Duration::from_secs(5));
        let twice = DROPPED.iter().filter(|dropped| dropped.load(SeqCst) > 1).count();
        assert_eq!(twice, 0, "values were dropped twice");
    };
    in_child("after a slow destructor", child, |wait| wait());
    drop(closed);
}
