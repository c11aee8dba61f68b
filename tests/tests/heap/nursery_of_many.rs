//! Many mutators that run: how often the young generation is collected depends on what is allocated, not on how many there are.

use std::{sync::Barrier, thread};

use gc_tests::heaps::calm;

#[test]
fn many_threads_are_collected_no_more_often_than_what_they_allocate_asks_for() {
    const ALL: u64 = 48 << 20;
    let mut young = Vec::new();
    for threads in [1_usize, 4, 64] {
        let heap = calm().build().unwrap();
        let start = Barrier::new(threads);
        thread::scope(|scope| {
            let run = || {
                let mut m = heap.attach().unwrap();
                m.blocked(|| start.wait());
                for n in 0..ALL / threads as u64 / 136 {
                    m.alloc([n; 16]);
                    m.safepoint();
                }
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            all.into_iter().for_each(|thread| thread.join().unwrap());
        });
        let stats = heap.stats();
        young.push(stats.collections.total());
        eprintln!("{threads}: {stats:?}");
    }
    // With a buffer for each thread in each of them: at most one for every few buffers.
    assert!(young[2] <= 20 * young[0], "{young:?}");
}
