//! Two mutators that do nothing but collect, and one that only wants to go on: at safepoints, out of `blocked`, attaching and
//! detaching.

use std::{
    thread,
    time::{Duration, Instant},
};

use gc_core::{Heap, Mutator};
use gc_tests::{collectors::Collectors, heaps::calm};

/// The longest of many turns, while so many others collect without a break.
fn longest(collectors: usize, mut turn: impl FnMut(&Heap, &mut Mutator)) -> Duration {
    let heap = calm().build().unwrap();
    let others = Collectors::start(&heap, collectors);
    let mut m = heap.attach().unwrap();
    m.blocked(|| {
        while heap.stats().collections[0] < 100 {
            thread::yield_now();
        }
    });
    let mut longest = Duration::ZERO;
    let begin = Instant::now();
    let mut turns = 0;
    while turns < 200 && begin.elapsed() < Duration::from_secs(2) {
        let start = Instant::now();
        turn(&heap, &mut m);
        longest = longest.max(start.elapsed());
        turns += 1;
    }
    let all = begin.elapsed();
    m.blocked(|| others.end());
    eprintln!(
        "{collectors} collectors: {turns} turns in {all:?}, the longest {longest:?}, {:?}",
        heap.stats().collections
    );
    longest
}

#[test]
fn who_wants_to_go_on_does() {
    for collectors in [1, 2, 3] {
        let safepoint = longest(collectors, |_, m| (0..100).for_each(|_| m.safepoint()));
        let blocked = longest(collectors, |_, m| m.blocked(|| ()));
        let yields = longest(collectors, |_, m| m.blocked(thread::yield_now));
        let attaches = longest(collectors, |heap, m| {
            m.blocked(|| {
                let heap = heap.clone();
                thread::spawn(move || drop(heap.attach().unwrap())).join().unwrap();
            });
        });
        for time in [safepoint, blocked, yields, attaches] {
            assert!(time < Duration::from_millis(1000), "{time:?}");
        }
    }
}
