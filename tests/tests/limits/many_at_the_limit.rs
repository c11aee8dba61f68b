//! Many threads at a hard limit, each of which keeps nothing and reaches a safepoint after each allocation.

use std::{
    sync::Barrier,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use gc_core::Collect;
use gc_tests::heaps::calm;

/// Runs threads that allocate garbage; how many allocations were refused.
fn garbage(threads: usize, limit: usize, each: u64) -> (u64, gc_core::Stats) {
    let heap = calm().hard_limit(limit).build().unwrap();
    let refused = AtomicU64::new(0);
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut m = heap.attach().unwrap();
                    m.blocked(|| start.wait());
                    for n in 0..each {
                        match m.try_alloc([n; 16]) {
                            Ok(object) => assert_eq!(object[15], n),
                            Err(_) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        m.safepoint();
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|thread| thread.join().unwrap());
    });
    (refused.into_inner(), heap.stats())
}

#[test]
fn threads_that_keep_nothing_go_on_at_the_limit() {
    // Refused or not: nothing hangs, and what was refused finds room later.
    let (refused, stats) = garbage(24, 14 << 20, 4000);
    assert!(refused < 24 * 4000 / 2, "{refused} refused, {stats:?}");
    let heap = calm().hard_limit(14 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    assert!(m.try_alloc(1).is_ok());
}
