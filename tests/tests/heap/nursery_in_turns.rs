//! Mutators that take turns, one small object each: what was allocated asks for no collection, however many buffers it lies in.

use std::{sync::Barrier, thread};

use gc_tests::heaps::calm;

#[test]
fn a_tenth_of_a_nursery_asks_for_no_collection() {
    const THREADS: usize = 64;
    let heap = calm().build().unwrap();
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let run = || {
            let mut m = heap.attach().unwrap();
            for n in 0..40_u64 {
                m.blocked(|| barrier.wait());
                m.alloc([n; 16]);
                m.safepoint();
            }
        };
        let all: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        all.into_iter().for_each(|thread| thread.join().unwrap());
    });
    // 340 KiB in all, of a nursery of 4 MiB for each of the threads that run at once.
    let collections = heap.stats().collections.total();
    assert!(collections <= 2, "{collections} collections of {} objects", 40 * THREADS);
}
