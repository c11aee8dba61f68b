//! Queues that are closed while their heap collects.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use gc_core::{Collect, FinalizationQueue};
use gc_tests::{heaps::under, sizes::scaled};

/// A thread without a mutator frees the words of a queue while a pause may be updating them: the pause must not use them any more.
/// AddressSanitizer tells if it does.
#[test]
fn a_queue_may_be_closed_beside_a_minor_collection() {
    // All stays young, and is looked at in each pause.
    let heap = under("promote-never").auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    for round in 1..=4 {
        let (queue, objects) = (FinalizationQueue::<u64>::new(&heap), scaled(10_000) << round);
        for number in 0..objects {
            queue.register(&m, m.alloc(number));
        }
        m.collect(Collect::Young);
        assert_eq!(queue.len() as u64, objects);
        let pauses = AtomicU64::new(0);
        thread::scope(|scope| {
            let closes = scope.spawn(|| {
                // Pauses follow one another from now on.
                while pauses.load(Ordering::Relaxed) < 2 {
                    thread::yield_now();
                }
                drop(queue);
            });
            while !closes.is_finished() {
                m.collect(Collect::Young);
                pauses.fetch_add(1, Ordering::Relaxed);
            }
            closes.join().unwrap();
        });
    }
}
