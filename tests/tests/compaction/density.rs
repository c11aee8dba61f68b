//! After objects have died at random, in runs, or class after class, the memory of the heap is in proportion to what lives.

use gc_core::{Collect, Gc, Heap, Mutator, Root};
use gc_tests::{
    Tested,
    heaps::{calm, under, wait_until},
    random::Random,
    sizes::{is_full, scaled},
};

/// Checks that the heap holds little more than what lives and two nurseries. What goes back goes on the heap's thread.
#[track_caller]
fn assert_dense(heap: &Heap, when: &str) {
    let (mut report, mut most) = (heap.memory_report(), 0);
    wait_until(when, || {
        report = heap.memory_report();
        most = (report.old_cells + report.large_used) / 2 * 3 + 2 * NURSERY;
        // What tables take is as of the last pause: before their memory went back.
        report.committed - report.side <= most
    });
}

const NURSERY: usize = 4 << 20;

type Kept = Root<Vec<Gc<'static, [u64]>>>;

/// Fills the old generation with slices of `words`, and keeps those of which `keeps` is true.
fn fill(m: &mut Mutator, kept: &mut Kept, count: usize, words: usize, mut keeps: impl FnMut(usize) -> bool) {
    let mut all = m.root(Vec::<Gc<[u64]>>::new());
    for n in 0..count {
        let new = m.alloc_slice_with(words, |_| n as u64);
        all.get_mut(m).push(new);
        if keeps(n) {
            kept.get_mut(m).push(new);
        }
        m.safepoint();
    }
    m.collect(Collect::Promote);
}

#[track_caller]
fn assert_whole(m: &Mutator, kept: &Kept) {
    for slice in kept.borrow(m) {
        assert!(slice.iter().all(|&word| word == slice[0]), "a slice of {} is damaged", slice.len());
    }
}

/// Keeps one in a thousand, at random or in runs, of `mebibytes` of small slices.
fn sparse(m: &mut Mutator, mebibytes: usize, runs: bool) -> Kept {
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut random = Random::new(7);
    let words = 6;
    let count = (mebibytes << 20) / 64;
    fill(m, &mut kept, count, words, |n| if runs { n % 100_000 < 100 } else { random.below(1000) == 0 });
    kept
}

#[test]
fn one_compaction_is_enough() -> Tested {
    for runs in [false, true] {
        let heap = calm().build()?;
        let mut m = heap.attach()?;
        let kept = sparse(&mut m, scaled(64) as usize, runs);
        let report = m.compact();
        assert_dense(&heap, "after a compaction");
        assert_whole(&m, &kept);
        let less = report.memory_after < report.memory_before;
        assert!((report.objects_moved > 0 && less) || !is_full(), "{report:?}");
        // A dense heap stays as it is.
        let again = m.compact();
        assert_eq!((again.objects_moved, again.bytes_moved), (0, 0));
    }
    Ok(())
}

/// In each full collection some objects are moved: the first one finds what is dead, and the following ones move the rest.
#[test]
fn full_collections_are_enough() -> Tested {
    for runs in [false, true] {
        let heap = calm().compact_bytes(64 << 10).build()?;
        let mut m = heap.attach()?;
        let kept = sparse(&mut m, scaled(64) as usize, runs);
        m.collect(Collect::Full);
        let live = heap.memory_report().old_cells;
        let rounds = 2 + live.div_ceil(64 << 10);
        for _ in 1..rounds {
            m.collect(Collect::Full);
        }
        assert_dense(&heap, "after full collections");
        assert_whole(&m, &kept);
        assert!(heap.stats().bytes_moved <= (rounds * (64 << 10)) as u64);
    }
    Ok(())
}

/// Each phase has a size of its own, and leaves a few objects of it.
#[test]
fn sizes_may_shift() -> Tested {
    let heap = calm().build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    let mut random = Random::new(1);
    for words in (1..25).chain((40..900).step_by(60)) {
        let count = (scaled(8) << 20) as usize / (8 * words + 16);
        fill(&mut m, &mut kept, count, words, |_| random.below(500) == 0);
    }
    m.compact();
    assert_dense(&heap, "after a compaction");
    assert_whole(&m, &kept);
    Ok(())
}

/// Half of what lives dies at random, again and again: what is left is moved together each time.
#[test]
fn what_is_left_of_what_was_moved_is_moved_again() -> Tested {
    let heap = calm().build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    fill(&mut m, &mut kept, (scaled(16) << 20) as usize / 64, 6, |_| true);
    let mut random = Random::new(3);
    while kept.borrow(&m).len() > 1000 {
        kept.get_mut(&m).retain(|_| random.below(2) == 0);
        m.compact();
        assert_dense(&heap, "after a compaction");
        assert_whole(&m, &kept);
    }
    Ok(())
}

/// A heap with nothing sparse moves nothing.
#[test]
fn a_dense_heap_moves_nothing() -> Tested {
    let heap = calm().build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<[u64]>>::new());
    fill(&mut m, &mut kept, (scaled(32) << 20) as usize / 64, 6, |_| true);
    for _ in 0..4 {
        m.collect(Collect::Full);
    }
    assert_eq!(heap.stats().objects_moved, 0);
    Ok(())
}

/// A block that compaction has nearly filled is listed until the next sweep, which does not list it: its free cells count no more. They were
/// taken off the count all the same when the block was chosen next, until a pause promoted into a block that there was not.
#[test]
fn free_cells_are_counted_while_their_block_is_listed() -> Tested {
    for profile in ["verify", "compact-random,stopped,verify", "compact-random,verify"] {
        let heap = under(profile).build()?;
        let mut m = heap.attach()?;
        let mut kept = m.root(Vec::<Gc<[u64]>>::new());
        let mut random = Random::new(1);
        for _ in 0..4 {
            fill(&mut m, &mut kept, 1500, 40, |_| true);
            kept.get_mut(&m).retain(|_| random.below(8) > 1);
            m.compact();
            m.collect(Collect::Full);
            kept.get_mut(&m).retain(|_| random.below(3) == 0);
            m.collect(Collect::Full);
            m.compact();
        }
        assert_whole(&m, &kept);
    }
    Ok(())
}
