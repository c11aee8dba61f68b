//! Memory on its way back to the system is charged and on no list: what is allocated at that moment finds it all the same.

use std::{
    hint,
    time::{Duration, Instant},
};

use gc_core::{Collect, Gc, Heap, Mutator, Root, Thresholds};
use gc_tests::heaps::calm;

/// A heap that gives most of what a cycle has emptied back.
fn heap(limit: usize) -> Heap {
    let thresholds = Thresholds { growth_floor: 1 << 20, ..Thresholds::default() };
    calm().thresholds(thresholds).hard_limit(limit).build().unwrap()
}

/// Old blocks: so many MiB of them, which are garbage when the result is dropped.
fn blocks(m: &mut Mutator, mib: usize) -> Root<Vec<Gc<'static, [u64]>>> {
    let mut kept: Root<Vec<Gc<[u64]>>> = m.root(Vec::<Gc<[u64]>>::new());
    for _ in 0..mib << 7 {
        let page = m.alloc_slice_copy(&[7_u64; 1000]);
        kept.get_mut(m).push(page);
        m.safepoint();
    }
    m.collect(Collect::Promote);
    kept
}

/// Waits for the background thread to be somewhere in its work.
fn a_moment(round: u64) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(round * 5 % 150) {
        hint::spin_loop();
    }
}

/// The attack: a large object right after the cycle that emptied what it needs.
#[test]
fn a_large_object_finds_the_blocks_that_a_cycle_has_emptied() {
    let heap = heap(64 << 20);
    let (mut m, source) = (heap.attach().unwrap(), vec![7_u8; 40 << 20]);
    for round in 0..20 {
        drop(blocks(&mut m, 40));
        m.collect(Collect::Full);
        a_moment(round);
        let large = m.try_alloc_slice_copy(&source);
        assert!(large.is_ok(), "round {round}: {:?}", large.err().map(|error| error.report().clone()));
        m.collect(Collect::Full);
    }
}

/// The attack: small objects at the same moment, in a heap that holds no more than was emptied.
#[test]
fn small_objects_find_the_blocks_that_a_cycle_has_emptied() {
    let heap = heap(40 << 20);
    let mut m = heap.attach().unwrap();
    for round in 0..20 {
        drop(blocks(&mut m, 24));
        m.collect(Collect::Full);
        a_moment(round);
        // `alloc` panics if it is refused.
        for n in 0..1 << 14 {
            m.alloc([n; 100]);
        }
    }
}

/// The attack: the chunks of a burst are given back, too.
#[test]
fn a_large_object_finds_the_chunks_of_a_burst() {
    let heap = heap(64 << 20);
    let (mut m, source) = (heap.attach().unwrap(), vec![7_u8; 40 << 20]);
    for round in 0..20 {
        for _ in 0..20 << 7 {
            m.alloc_slice_copy(&[1_u64; 1000]);
        }
        m.collect(Collect::Full);
        a_moment(round);
        let large = m.try_alloc_slice_copy(&source);
        assert!(large.is_ok(), "round {round}: {:?}", large.err().map(|error| error.report().clone()));
        m.collect(Collect::Full);
    }
}
