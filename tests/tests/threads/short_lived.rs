//! Mutators that live for one request, or that wait most of the time: what they leave is collected and used again.

use std::{sync::mpsc, thread};

use gc_core::{Gc, Heap, Slot, blocking};
use gc_tests::{heaps::under, sizes::scaled};

/// A request belonged to the thread that made it: no collection ever happened, and each mutator took a chunk.
#[test]
fn mutators_that_live_for_one_allocation_are_never_refused() {
    for polls in [false, true] {
        let heap = Heap::builder().hard_limit(64 << 20).build().unwrap();
        for n in 0..scaled(200_000) as u64 {
            let mut m = heap.attach().unwrap();
            m.alloc([n; 16]);
            if polls {
                m.safepoint();
            }
        }
        let stats = heap.stats();
        let collections: u64 = stats.collections.total();
        assert!(collections >= scaled(200_000) as u64 * 136 / (4 << 20) / 2, "{:?}", stats.collections);
        assert!(stats.memory_peak < 16 << 20, "{} MiB, {:?}", stats.memory_peak >> 20, stats.collections);
    }
}

/// What one mutator leaves of its region, the next one fills: interleaved, nested and in turns.
#[test]
fn mutators_fill_what_others_leave() {
    let heap = under("verify").build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc_slice_with(64, |_| Slot::<u64>::null()));
    for round in 0..scaled(200) as u64 {
        blocking::scope(&mut m, |scope| {
            for thread in 0..3 {
                let (heap, kept) = (&heap, &kept);
                scope.spawn(move || {
                    let m = heap.attach().unwrap();
                    for n in 0..=round * 7 % 50 {
                        m.alloc_slice_with(n as usize * 13, |i| i as u8);
                        m.alloc(round);
                    }
                    kept.get(&m)[(round * 3 + thread) as usize % 64].set(&m, Some(m.alloc(round * 3 + thread)));
                });
            }
        });
    }
    for (index, slot) in kept.get(&m).iter().enumerate() {
        if let Some(n) = slot.get() {
            assert_eq!(*n as usize % 64, index);
        }
    }
    assert!(heap.stats().memory_peak < 16 << 20, "{:?}", heap.stats());
}

/// A mutator that is attached and allocates little takes little, however many there are.
#[test]
fn a_thousand_idle_mutators_take_memory_by_use() {
    const IDLE: usize = 1000;
    let heap = Heap::builder().build().unwrap();
    let (ready, all_ready) = mpsc::channel();
    let (end, ends) = crossbeam_channel::bounded::<()>(0);
    let idle: Vec<_> = (0..IDLE)
        .map(|n| {
            let (heap, ready, ends) = (heap.clone(), ready.clone(), ends.clone());
            let idle = thread::Builder::new().stack_size(64 << 10);
            let idle = idle.spawn(move || {
                let mut m = heap.attach().unwrap();
                let root = m.root(m.alloc([n; 16]));
                ready.send(()).unwrap();
                let _ = blocking::crossbeam::recv(&mut m, &ends);
                assert_eq!(root.get(&m)[7], n);
            });
            idle.unwrap()
        })
        .collect();
    for _ in 0..IDLE {
        all_ready.recv().unwrap();
    }
    let stats = heap.stats();
    assert!(stats.memory_bytes / IDLE <= 64 << 10, "{} KiB each", (stats.memory_bytes / IDLE) >> 10);
    drop(end);
    idle.into_iter().for_each(|idle| idle.join().unwrap());
}

/// The region of a mutator that allocates much grows to a chunk: it takes the slow path as seldom as ever.
#[test]
fn a_busy_mutator_has_whole_chunks() {
    let heap = Heap::builder().nursery_bytes(64 << 20).build().unwrap();
    let m = heap.attach().unwrap();
    let mut last: Option<Gc<[u64; 15]>> = None;
    let mut jumps = 0;
    for _ in 0..(32 << 20) / 128 {
        let next = m.alloc([0_u64; 15]);
        let apart =
            last.map_or(128, |last| std::ptr::from_ref(&*next).addr().wrapping_sub(std::ptr::from_ref(&*last).addr()));
        jumps += usize::from(apart != 128);
        last = Some(next);
    }
    assert!(jumps <= 128 + 8, "{jumps} regions for 32 MiB");
}
