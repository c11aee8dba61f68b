//! The figures of a heap's memory add up, and a refused allocation says them.

use gc_core::{Collect, ExternalBytes, Gc, Heap, MemoryReport, Slot, Trace};
use gc_tests::heaps::{calm, settle};

#[track_caller]
fn check(heap: &Heap, report: &MemoryReport) {
    assert_eq!(report.committed, report.young + report.old + report.large + report.pending + report.side, "{report:?}");
    assert_eq!(report.counted, report.committed + report.external, "{report:?}");
    assert_eq!(report.old, report.old_empty + report.old_used, "{report:?}");
    assert!(report.old_used >= report.old_cells + report.old_free, "{report:?}");
    assert_eq!(report.large, report.large_used + report.large_free, "{report:?}");
    assert_eq!(report.headroom, report.limit.saturating_sub(report.counted), "{report:?}");
    assert_eq!(heap.hard_limit().unwrap_or(usize::MAX), report.limit);
    let cells: usize = report.free_cells.iter().map(|free| free.cell_bytes * free.count).sum();
    assert_eq!(cells, report.old_free);
}

#[derive(Trace)]
struct Held {
    #[trace(skip)]
    bytes: ExternalBytes,
}

#[test]
fn the_memory_of_a_heap_adds_up_whatever_it_does() {
    let heap = calm().hard_limit(64 << 20).build().unwrap();
    check(&heap, &heap.memory_report());
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with(1 << 16, |_| Slot::<[u8]>::null()));
    for round in 0..20_usize {
        for n in 0..1 << 14 {
            let value = m.alloc_slice_copy(&[1; 500][..n % 400 + round]);
            slots.get(&m)[(n * 7919 + round) % (1 << 16)].set(&m, Some(value));
            m.safepoint();
        }
        let held = m.external_bytes(round << 10);
        let _ = m.alloc(Held { bytes: held });
        let _ = m.alloc([0_u64; 4000]);
        check(&heap, &heap.memory_report());
        if round % 3 == 0 {
            m.collect(Collect::Full);
            settle(&heap);
            let (report, stats) = (heap.memory_report(), heap.stats());
            check(&heap, &report);
            assert_eq!((report.live, report.external), (stats.live_bytes, stats.external_bytes));
            assert!(report.live > 1 << 19 && report.live <= report.old_cells + report.large_used, "{report:?}");
            assert!(stats.headroom <= stats.memory_peak.max(64 << 20) && stats.side_bytes > 0);
        }
    }
}

/// Roots, boxed values and remembered sets were counted nowhere.
#[test]
fn tables_and_lists_count() {
    let heap = calm().hard_limit(256 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    let before = heap.memory_report();
    let small: Vec<_> = (0..100_000).map(|n| m.root(m.alloc(n))).collect();
    let boxed: Vec<_> = (0..1000).map(|n| m.root([Some(m.alloc(n)); 100])).collect();
    m.collect(Collect::Promote);
    let after = heap.memory_report();
    assert!(after.side >= before.side + 100_000 * 16 + 1000 * 800, "{} before, {} after", before.side, after.side);
    assert_eq!(heap.stats().side_bytes, after.side);
    drop((small, boxed));
}

#[test]
fn bytes_allocated_move_between_two_collections() {
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let before = heap.stats();
    for n in 0..10_000_u64 {
        m.alloc([n; 31]);
    }
    let after = heap.stats();
    assert_eq!(before.collections, after.collections);
    assert!(after.bytes_allocated >= 9000 * 256, "{}", after.bytes_allocated);
}

#[test]
fn a_refusal_says_what_takes_the_memory() {
    let heap = calm().hard_limit(32 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64; 12]>>::new());
    let error = loop {
        match m.try_alloc([1; 12]) {
            Ok(new) => kept.get_mut(&m).push(new),
            Err(error) => break error,
        }
        m.safepoint();
    };
    let report = error.report();
    check(&heap, report);
    assert_eq!((error.limit(), error.used()), (32 << 20, report.counted));
    assert!(report.old_used > 16 << 20 && report.old_cells > 16 << 20, "{report:?}");
}

/// Objects whose bytes are a power of two have a header, too: that took the larger ones half as much again.
#[test]
fn an_object_of_a_power_of_two_takes_little_more() {
    const COUNT: usize = 512;
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let source = vec![7_u8; 64 << 10];
    let window = m.root(m.alloc_slice_with(COUNT, |_| Slot::<[u8]>::null()));
    m.collect(Collect::Full);
    for power in 7..=16 {
        let before = heap.memory_report();
        for slot in window.get(&m).iter() {
            slot.set(&m, Some(m.alloc_slice_copy(&source[..1 << power])));
        }
        m.collect(Collect::Full);
        let after = heap.memory_report();
        check(&heap, &after);
        let [cells, runs] = [after.old_cells - before.old_cells, after.large_used - before.large_used];
        let taken = if power < 13 { 16 } else { 64 };
        assert_eq!([cells + runs, cells.min(runs)], [COUNT * ((1 << power) + taken), 0], "1 << {power} bytes");
        // The ends of blocks, and one that is open.
        let blocks = after.old_used - before.old_used;
        assert!(blocks <= (COUNT << power) / 8 * 9 + (64 << 10), "{blocks} bytes of blocks for {COUNT} << {power}");
        for slot in window.get(&m).iter() {
            slot.set(&m, None);
        }
        m.collect(Collect::Full);
    }
}

/// Objects that are made one after the other lie one behind the other: the pages that they are charged with are no more than full.
#[test]
fn large_objects_share_pages() {
    for bytes in [8192, 8300, 10_000, 12_288, 16_384] {
        let heap = calm().build().unwrap();
        let m = heap.attach().unwrap();
        let kept: Vec<_> = (0..100).map(|n| m.root(m.alloc_slice_with(bytes, |_| n as u8))).collect();
        let report = heap.memory_report();
        check(&heap, &report);
        assert!(report.large < 100 * (bytes + 16 + 64) + 4096, "{bytes}: {report:?}");
        for (n, object) in kept.iter().enumerate() {
            assert!(object.get(&m).iter().all(|&byte| byte == n as u8));
        }
    }
}
