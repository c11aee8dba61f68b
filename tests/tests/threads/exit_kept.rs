//! A process, or a thread, exits with a kept mutator while a leader waits for a thread that never reaches a safepoint.

use std::{
    process::exit,
    thread,
    time::{Duration, Instant},
};

use gc_core::{Collect, Heap};
use gc_tests::{heaps::calm, process::assert_exits};

/// Starts a thread that never reaches a safepoint, and one that waits for it to collect.
fn stuck(heap: &Heap) {
    heap.spawn(|m| {
        m.alloc(1);
        loop {
            thread::park();
        }
    })
    .unwrap();
    loop {
        let collects = heap.spawn(|m| m.collect(Collect::Young)).unwrap();
        let start = Instant::now();
        while !collects.is_finished() {
            if start.elapsed() > Duration::from_millis(200) {
                return;
            }
            thread::yield_now();
        }
    }
}

fn child(place: &str) {
    let heap = calm().build().unwrap();
    heap.with(|m| *m.alloc(1)).unwrap();
    if place == "thread" {
        stuck(&heap);
        exit(7);
    }
    let mut m = heap.attach().unwrap();
    m.blocked(|| {
        stuck(&heap);
        exit(7);
    });
}

#[test]
fn a_process_exits_with_a_kept_mutator_while_a_leader_waits_for_ever() {
    if let Ok(place) = std::env::var("GC_TESTS_EXIT_KEPT") {
        child(&place);
        unreachable!("the child goes on");
    }
    for place in ["thread", "blocked"] {
        assert_exits(
            "exit_kept::a_process_exits_with_a_kept_mutator_while_a_leader_waits_for_ever",
            "GC_TESTS_EXIT_KEPT",
            place,
        );
    }
}
