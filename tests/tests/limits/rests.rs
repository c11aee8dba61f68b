//! Rests of regions that are too small for what a program allocates are nobody's garbage, and yet take memory: where the limit holds a
//! nursery, mutators that come and go and keep nothing are never refused.

use gc_core::{Heap, HeapBuilder, Trace};
use gc_tests::{heaps::calm, sizes::scaled};

/// The least limit that a heap accepts.
fn least(builder: impl Fn() -> HeapBuilder) -> usize {
    let (mut low, mut high) = (0_usize, 1 << 30);
    while low + 1 < high {
        let middle = low.midpoint(high);
        if builder().hard_limit(middle).build().is_ok() { high = middle } else { low = middle }
    }
    high
}

/// Mutators that live for a few objects of 5.4 KB: two of them fit into a region of 16 KiB.
fn come_and_go(heap: &Heap, each: usize) -> usize {
    let mut refused = 0;
    for _ in 0..scaled(20_000) as usize / each {
        let m = heap.attach().unwrap();
        for n in 0..each {
            refused += usize::from(m.try_alloc([n; 680]).is_err());
        }
    }
    refused
}

#[derive(Trace, Clone, Copy)]
#[repr(align(4096))]
struct Page([u64; 512]);

#[test]
fn mutators_that_come_and_go_at_the_least_limit_are_never_refused() {
    let limit = least(calm);
    for each in [1, 2, 3, 5] {
        let heap = calm().hard_limit(limit).build().unwrap();
        let refused = come_and_go(&heap, each);
        assert_eq!(refused, 0, "{each} each, at {limit}: {:?}", heap.stats());
    }
}

#[test]
fn a_mutator_that_leaves_rests_at_the_least_limit_is_never_refused() {
    let heap = calm().hard_limit(least(calm)).build().unwrap();
    let mut m = heap.attach().unwrap();
    for n in 0..scaled(30_000) as usize {
        match n % 3 {
            0 => assert!(m.try_alloc([n; 1000]).is_ok(), "{:?}", heap.stats()),
            1 => assert!(m.try_alloc(Page([7; 512])).is_ok(), "{:?}", heap.stats()),
            _ => assert!(m.try_alloc([n; 680]).is_ok(), "{:?}", heap.stats()),
        }
        m.safepoint();
    }
}
