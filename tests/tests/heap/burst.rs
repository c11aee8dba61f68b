//! What a burst without safepoints took goes back, also where nothing becomes old any more, so that no full collection is due.

use std::collections::VecDeque;

use gc_core::{Gc, Heap, Mutator, Root};
use gc_tests::heaps::{calm, wait_until};

/// A program whose objects live for a quarter of a nursery.
fn short_lives(m: &mut Mutator, mib: usize) {
    let mut ring: Root<VecDeque<Gc<'static, [u64; 127]>>> = m.root(VecDeque::<Gc<[u64; 127]>>::new());
    for n in 0..mib << 10 {
        let object = m.alloc([n as u64; 127]);
        let ring = ring.get_mut(m);
        ring.push_back(object);
        if ring.len() > 1 << 10 {
            ring.pop_front();
        }
        m.safepoint();
    }
}

fn burst(heap: &Heap, m: &mut Mutator) {
    short_lives(m, 64);
    for n in 0..256 << 10 {
        m.alloc([n; 127]);
    }
    assert!(heap.stats().memory_bytes > 256 << 20);
    m.safepoint();
}

#[test]
fn what_a_burst_took_goes_back_without_a_full_collection() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    burst(&heap, &mut m);
    // Twice the pauses between two looks, at the largest nursery.
    for _ in 0..16 {
        short_lives(&mut m, 64);
    }
    wait_until("what the burst took has gone back", || heap.stats().memory_bytes < 96 << 20);
    assert_eq!(heap.stats().bytes_promoted, 0, "a full collection would have promoted what is alive");
}
