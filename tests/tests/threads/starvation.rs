//! Two mutators that do nothing but collect, and one that only wants to go on: at safepoints, out of `blocked`, attaching and
//! detaching.

use std::{
    thread,
    time::{Duration, Instant},
};

use gc_core::{Heap, Mutator};
use gc_tests::{collectors::Collectors, heaps::calm};

/// How often so many others collect, without a break, during one of many turns, at the most. Time would say how busy the machine is.
fn most(collectors: usize, mut turn: impl FnMut(&Heap, &mut Mutator)) -> u64 {
    let heap = calm().build().unwrap();
    let others = Collectors::start(&heap, collectors);
    let mut m = heap.attach().unwrap();
    m.blocked(|| {
        while heap.stats().collections.young < 100 {
            thread::yield_now();
        }
    });
    let (mut longest, mut most) = (Duration::ZERO, 0);
    let begin = Instant::now();
    let mut turns = 0;
    while turns < 200 && begin.elapsed() < Duration::from_secs(2) {
        let (start, before) = (Instant::now(), heap.stats().collections.young);
        turn(&heap, &mut m);
        longest = longest.max(start.elapsed());
        most = most.max(heap.stats().collections.young - before);
        turns += 1;
    }
    let all = begin.elapsed();
    m.blocked(|| others.end());
    eprintln!(
        "{collectors} collectors: {turns} turns in {all:?}, the longest {longest:?}, {most} collections, {:?}",
        heap.stats().collections
    );
    most
}

#[test]
fn who_wants_to_go_on_does() {
    for collectors in [1, 2, 3] {
        let safepoint = most(collectors, |_, m| (0..100).for_each(|_| m.safepoint()));
        let blocked = most(collectors, |_, m| m.blocked(|| ()));
        let yields = most(collectors, |_, m| m.blocked(thread::yield_now));
        let attaches = most(collectors, |heap, m| {
            m.blocked(|| {
                let heap = heap.clone();
                thread::spawn(move || drop(heap.attach().unwrap())).join().unwrap();
            });
        });
        for collections in [safepoint, blocked, yields, attaches] {
            assert!(collections < 100_000, "others collected {collections} times in one turn");
        }
    }
}
