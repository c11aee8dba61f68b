//! The clock, which looks at busy heaps and takes them off its list when they are idle: `collector::clock`, with `collector::idle`.

use std::time::Duration;

use crate::{
    Arc, check,
    collector::{
        clock::{Clock, Watched},
        idle::{Idle, Seen},
        major_cycle::MajorCycle,
    },
    must_fail,
    sync::{Mutex, mutant},
    thread,
};

#[derive(Clone)]
struct Heap(Arc<Idle>);

impl PartialEq for Heap {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Watched for Heap {
    fn look(&self) -> Option<Duration> {
        let again = self.0.next_look()?;
        if self.0.look(Seen::default()) { None } else { Some(again) }
    }
}

/// A heap that was idle becomes busy again while the clock looks at it.
fn busy_again() {
    check(|| {
        let (asked, started) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(0)));
        let (ask, start) = (asked.clone(), started.clone());
        let heap = Heap(Arc::new(Idle::new(Duration::ZERO, Box::new(move || *ask.lock() = true))));
        let clock = Arc::new(Clock::new(Box::new(move || {
            *start.lock() += 1;
            true
        })));
        let major = MajorCycle::new(Box::new(|| true), Box::new(|| ()));
        let something_happens = || {
            heap.0.note_activity(&major);
            if core::mem::take(&mut *asked.lock()) {
                clock.watch(heap.clone(), Duration::ZERO);
            }
        };
        something_happens();
        let there = clock.clone();
        let thread = thread::spawn(move || there.run());
        something_happens();
        thread.join().unwrap();
        if *started.lock() > 1 {
            clock.run();
        }
        assert!(!heap.0.is_busy(), "a busy heap is not looked at");
    });
}

#[test]
fn a_busy_heap_is_looked_at() {
    busy_again();
}

#[test]
fn mutant_looking_without_the_lock_is_found() {
    must_fail("clock::mutant_looking_without_the_lock_is_found", mutant::LOOK_WITHOUT_THE_LOCK, busy_again);
}
