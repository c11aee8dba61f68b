//! What the allocator's figures say adds up, and is what was allocated.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gc_core::{
    Collect, Gc, Heap,
    observe::{AllocatorStats, ClassStats},
};
use gc_tests::{Tested, heaps, sizes};

/// The identities of the documentation.
#[track_caller]
fn check(stats: &AllocatorStats) {
    let AllocatorStats { classes, young, large, memory, .. } = stats;
    for class in classes {
        let &ClassStats { cell_bytes, least_bytes, blocks, cells, used, free, refilled, tail, .. } = class;
        assert_eq!(used + free, cells, "{class:?}");
        assert_eq!(blocks * AllocatorStats::BLOCK_BYTES, cells * cell_bytes + tail, "{class:?}");
        assert!(blocks > 0 && refilled <= free && least_bytes <= cell_bytes && tail < blocks * cell_bytes, "{class:?}");
        assert!((0.0..=1.0).contains(&class.fragmentation()));
    }
    let sum = |figure: fn(&ClassStats) -> usize| classes.iter().map(figure).sum::<usize>();
    assert_eq!(sum(|class| class.blocks) * AllocatorStats::BLOCK_BYTES, memory.old_used, "{stats}");
    assert_eq!(sum(|class| class.used * class.cell_bytes), memory.old_cells, "{stats}");
    assert_eq!(sum(|class| class.refilled * class.cell_bytes), memory.old_free, "{stats}");
    assert!(classes.windows(2).all(|pair| pair[0].cell_bytes < pair[1].least_bytes), "{stats}");
    assert_eq!((young.fresh + young.survivor + young.empty) * young.chunk_bytes, memory.young, "{stats}");
    assert!(young.used <= (young.fresh + young.survivor) * young.chunk_bytes, "{stats}");
    assert_eq!((large.used, large.free), (memory.large_used, memory.large_free));
    assert_eq!(memory.committed, memory.young + memory.old + memory.large + memory.pending + memory.side);
    assert!(stats.most_lost_to_rounding() <= memory.old_cells);
    assert_eq!(stats.to_string().lines().count(), 1 + classes.len() + 5);
}

/// Objects of every size class are counted in theirs, exactly.
#[test]
fn each_object_is_counted_in_its_class() -> Tested {
    let heap = heaps::calm().nursery_bytes(8 << 20).build()?;
    let mut m = heap.attach()?;
    let mut kept = m.root(Vec::<Gc<'_, [u8]>>::new());
    let mut expected = std::collections::BTreeMap::new();
    for (number, length) in (0..8 << 10).step_by(24).enumerate() {
        for _ in 0..=number % 3 {
            let new = m.alloc_slice_with(length, |n| n as u8);
            kept.get_mut(&m).push(new);
        }
        // The header and the length.
        let bytes = (16 + length).next_multiple_of(8);
        if bytes <= 8 << 10 {
            *expected.entry(bytes).or_insert(0) += 1 + number % 3;
        }
    }
    m.collect(Collect::Full);
    let stats = heap.dump_allocator_stats();
    check(&stats);
    for class in &stats.classes {
        // The first objects of so many bytes are of this class.
        let of_class: usize = expected.range(class.least_bytes..=class.cell_bytes).map(|(_, count)| count).sum();
        assert_eq!(class.used, of_class, "{class:?}");
    }
    assert_eq!(stats.classes.iter().map(|class| class.used).sum::<usize>(), expected.values().sum::<usize>());
    let exact: usize = expected.iter().map(|(bytes, count)| bytes * count).sum();
    let lost = stats.memory.old_cells - exact;
    assert!(lost > 0 && lost <= stats.most_lost_to_rounding(), "{lost} of {}", stats.most_lost_to_rounding());
    assert!(stats.classes.len() > 30, "{stats}");
    drop(kept);
    Ok(())
}

/// What has died is free, and more of the blocks is unused; a compaction gives it back.
#[test]
fn fragmentation_is_what_died_between_what_lives() -> Tested {
    let heap = heaps::calm().compact_bytes(0).build()?;
    let mut m = heap.attach()?;
    let number = 20_000;
    let mut kept = m.root(Vec::<Gc<'_, [u64; 7]>>::new());
    for n in 0..number {
        let new = m.alloc([n; 7]);
        kept.get_mut(&m).push(new);
    }
    m.collect(Collect::Full);
    let full = heap.dump_allocator_stats();
    check(&full);
    let class = |stats: &AllocatorStats| *stats.classes.iter().find(|class| class.cell_bytes == 64).unwrap();
    assert_eq!(class(&full).used, number as usize);
    let mut nth = 0;
    kept.get_mut(&m).retain(|_| {
        nth += 1;
        nth % 10 == 0
    });
    m.collect(Collect::Full);
    let sparse = heap.dump_allocator_stats();
    check(&sparse);
    assert_eq!((class(&sparse).used, class(&sparse).blocks), (number as usize / 10, class(&full).blocks));
    assert!(sparse.fragmentation() > 0.8 && full.fragmentation() < 0.5, "{sparse}");
    assert!(class(&sparse).fragmentation() > 0.8);
    m.compact();
    let compact = heap.dump_allocator_stats();
    check(&compact);
    assert!(class(&compact).blocks < class(&full).blocks / 5 && class(&compact).used == number as usize / 10);
    drop(kept);
    Ok(())
}

/// Chunks of roots are counted, and young chunks and large runs are where their objects are.
#[test]
fn chunks_and_runs_are_counted() -> Tested {
    let heap = heaps::calm().chunk_bytes(64 << 10).build()?;
    let mut m = heap.attach()?;
    let empty = heap.dump_allocator_stats();
    check(&empty);
    let roots: Vec<_> = (0..10_000).map(|n| m.root(m.alloc(n))).collect();
    let large = m.root(m.alloc_slice_with(100_000, |n| n as u64));
    let filled = heap.dump_allocator_stats();
    check(&filled);
    // Two words for each at least.
    assert!(filled.young.fresh > empty.young.fresh && filled.young.used >= 160_000, "{filled}");
    assert!(filled.root_chunks > 10 && empty.root_chunks <= 1, "{filled}");
    assert!(filled.large.used >= 800_000 && filled.large.old_objects == 0, "{filled}");
    m.collect(Collect::Young);
    let survived = heap.dump_allocator_stats();
    check(&survived);
    assert!(survived.young.survivor > 0 && survived.large.old_objects == 1, "{survived}");
    drop((roots, large));
    Ok(())
}

/// The identities hold at every moment: while four threads allocate, promote, mark, sweep and compact.
#[test]
fn the_figures_add_up_while_the_heap_works() -> Tested {
    let heap = heaps::calm().nursery_bytes(1 << 20).compact_bytes(1 << 20).build()?;
    let (done, heap) = (&AtomicBool::new(false), &heap);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|seed| scope.spawn(move || churn(heap, seed))).collect();
        let looks = scope.spawn(move || {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                check(&heap.dump_allocator_stats());
                looks += 1;
            }
            looks
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, Ordering::Relaxed);
        assert!(looks.join().unwrap() > 0);
    });
    check(&heap.dump_allocator_stats());
    Ok(())
}

fn churn(heap: &Heap, seed: usize) {
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<'_, [u8]>>::new());
    for round in 0..sizes::scaled(3000) as usize {
        for n in 0..20 {
            let length = (round * 37 + n * 101 + seed * 13) % 4000;
            let new = m.alloc_slice_with(length, |n| n as u8);
            kept.get_mut(&m).push(new);
        }
        if kept.get_mut(&m).len() > 1000 {
            let mut nth = seed;
            kept.get_mut(&m).retain(|_| {
                nth += 1;
                nth.is_multiple_of(3)
            });
        }
        m.safepoint();
        if round % 500 == 499 {
            m.collect(Collect::Full);
        }
    }
}
