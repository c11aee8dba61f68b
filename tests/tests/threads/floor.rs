//! Without a floor of growth, or with the least, something is due when something has grown, and not all the time: each mutator that
//! detached, and each that left `blocked`, led a major cycle of an empty heap.

use gc_core::{Collect, Heap, Slot, Thresholds};
use gc_tests::heaps::calm;

fn collections(heap: &Heap) -> u64 {
    heap.stats().collections.total()
}

#[test]
fn nothing_is_due_where_nothing_has_grown() {
    for growth_floor in [0, 1] {
        for holds in [false, true] {
            let heap = calm().thresholds(Thresholds { growth_floor, ..Thresholds::default() }).build().unwrap();
            let mut m = heap.attach().unwrap();
            let kept = m.root(m.alloc(7_u64));
            let held = heap.external_bytes(if holds { 64 << 20 } else { 0 });
            m.collect(Collect::Full);
            m.collect(Collect::Full);
            drop(m);
            let before = collections(&heap);
            for n in 0..100 {
                let mut m = heap.attach().unwrap();
                m.alloc(n);
                m.safepoint();
                m.blocked(|| ());
                assert_eq!(*kept.get(&m), 7);
            }
            let more = collections(&heap) - before;
            assert!(more <= 2, "{more} collections for 1.6 KB, floor {growth_floor}, holds {holds}");
            drop(held);
        }
    }
}

#[test]
fn without_a_floor_what_grows_is_collected() {
    let heap = calm().thresholds(Thresholds { growth_floor: 0, ..Thresholds::default() }).build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc_slice_with(100, |_| Slot::<[u64]>::null()));
    for n in 0..2000_u64 {
        // A nursery holds 50, so those that live are old by the next collection but one.
        kept.get(&m)[n as usize % 100].set(&m, Some(m.alloc_slice_with(10_000, |i| n + i as u64)));
        m.safepoint();
    }
    let stats = heap.stats();
    assert!(stats.collections.full > 1, "{:?}", stats.collections);
    assert!(stats.memory_peak < 64 << 20, "{} MiB", stats.memory_peak >> 20);
}
