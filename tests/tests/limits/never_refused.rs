//! A limit that holds a nursery, many threads that keep nothing and reach a safepoint after each allocation: only a thread that
//! reaches none may meet the limit.

use std::{
    sync::Barrier,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use gc_tests::heaps::calm;

#[test]
fn threads_that_keep_nothing_are_never_refused() {
    // What the docs of `hard_limit` ask for: a nursery and what to promote it into, and five chunks for each mutator.
    let heap = calm().hard_limit((14 << 20) + 24 * (1280 << 10)).build().unwrap();
    let refused = AtomicU64::new(0);
    let start = Barrier::new(24);
    thread::scope(|scope| {
        let all: Vec<_> = (0..24)
            .map(|_| {
                scope.spawn(|| {
                    let mut m = heap.attach().unwrap();
                    m.blocked(|| start.wait());
                    for n in 0..20_000_u64 {
                        refused.fetch_add(u64::from(m.try_alloc([n; 16]).is_err()), Ordering::Relaxed);
                        m.safepoint();
                    }
                })
            })
            .collect();
        all.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(refused.into_inner(), 0, "{:?}", heap.stats());
}
