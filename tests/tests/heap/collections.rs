//! What collections do to a heap, and what they report.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use gc_core::{Collect, Gc, Heap, Leaf, Level, Stats, Thresholds};
use gc_tests::heaps::{TIMEOUT, calm, settle, wait_until};
use parking_lot::Mutex;

/// Counts its drops.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn generations_are_what_their_numbers_say() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc([7_u64; 10]));
    assert_eq!(m.collect(Collect::Young).collected, Collect::Young);
    assert_eq!((heap.stats().old_objects, heap.stats().survivor_bytes), (0, 88), "generation 0 became 1");
    m.collect(Collect::Young);
    assert_eq!((heap.stats().old_objects, heap.stats().survivor_bytes), (1, 0), "generation 1 became 2");
    let second = m.root(m.alloc([8_u64; 10]));
    m.collect(Collect::Promote);
    assert_eq!(heap.stats().old_objects, 2, "everything became 2");
    drop(root);
    let report = m.collect(Collect::Full);
    assert_eq!((report.old_objects_freed, heap.stats().old_objects), (1, 1));
    let collections = heap.stats().collections;
    assert_eq!((collections.young, collections.promote, collections.full), (2, 1, 1));
    assert_eq!(collections.to_string(), "2 young, 1 promote, 1 full");
    assert_eq!(*second.get(&m), [8; 10]);
}

#[test]
fn a_young_collection_comes_when_the_nursery_is_full() {
    let heap = calm().nursery_bytes(1 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut bytes = 0;
    while heap.stats().collections.total() == 0 {
        m.alloc([0_u64; 7]);
        bytes += 64;
        m.safepoint();
    }
    let chunk = 256 << 10;
    assert!((1 << 20..=(1 << 20) + chunk).contains(&bytes), "{bytes}");
}

/// What dies soon after its second collection would otherwise become old, and be found by full collections only.
#[test]
fn young_collections_promote_by_age_however_many_there_are() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    for _ in 0..100 {
        let kept = m.root(m.alloc([0_u64; 16]));
        m.collect(Collect::Young);
        drop(kept);
    }
    let Stats { collections, bytes_promoted, .. } = heap.stats();
    assert_eq!((collections.young, collections.promote, collections.full, bytes_promoted), (100, 0, 0, 0));
}

#[test]
fn growth_brings_a_full_collection_and_garbage_stays_bounded() {
    let thresholds = Thresholds { growth_floor: 4 << 20, ..Thresholds::default() };
    let heap = calm().thresholds(thresholds).build().unwrap();
    let mut m = heap.attach().unwrap();
    // Each lives for as long as 32 768 others: longer than two nurseries.
    const LIVE: usize = 1 << 15;
    let mut kept = m.root(vec![None::<Gc<[u64; 64]>>; LIVE]);
    let mut peak = 0;
    for i in 0..6 * LIVE {
        let new = m.alloc([i as u64; 64]);
        kept.get_mut(&m)[i % LIVE] = Some(new);
        m.safepoint();
        peak = peak.max(heap.stats().old_bytes);
    }
    assert!(heap.stats().collections.full > 0);
    let live = LIVE * 640;
    assert!(peak < 2 * live + (8 << 20), "{peak} bytes of old generation for {live} live ones");
}

#[test]
fn without_auto_nothing_is_collected_until_asked() {
    let heap = calm().auto(false).nursery_bytes(256 << 10).build().unwrap();
    let mut m = heap.attach().unwrap();
    for i in 0..100_000_u64 {
        m.alloc([i; 4]);
        m.safepoint();
    }
    assert_eq!(heap.stats().collections.total(), 0);
    heap.set_auto(true);
    for i in 0..100_000_u64 {
        m.alloc([i; 4]);
        m.safepoint();
    }
    assert!(heap.stats().collections.young > 0);
}

#[test]
fn what_dies_is_dropped_once_by_collect_or_beside_the_program() {
    let drops = Arc::new(AtomicUsize::new(0));
    let dropped = || drops.load(Ordering::Relaxed);
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.root(m.alloc(Leaf(Counts(drops.clone()))));
    for _ in 0..1_000 {
        m.alloc(Leaf(Counts(drops.clone())));
        m.alloc_slice_with(3, |_| Leaf(Counts(drops.clone())));
    }
    m.collect(Collect::Young);
    settle(&heap);
    assert_eq!(dropped(), 4_000);
    m.collect(Collect::Promote);
    drop(kept);
    m.collect(Collect::Full);
    settle(&heap);
    assert_eq!((dropped(), heap.stats().drops_panicked), (4_001, 0));
    // By the thread of the heap, when nobody calls `collect`.
    for i in 0..300_000_u64 {
        if i % 1000 == 0 {
            m.alloc(Leaf(Counts(drops.clone())));
        }
        m.alloc([i; 4]);
        m.safepoint();
    }
    wait_until("the thread of the heap dropped some", || dropped() > 4_001);
    drop(m);
    drop(heap);
    assert_eq!(dropped(), 4_301, "the rest, when the heap ends");
}

#[test]
fn memory_goes_back_to_the_system_after_a_large_heap_dies() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let small: Vec<_> = (0..200_000_u64).map(|i| m.root(m.alloc([i; 31]))).collect();
    let large = m.root(m.alloc_slice_with(50 << 20, |_| 1_u8));
    m.collect(Collect::Full);
    let full = heap.stats().memory_bytes;
    assert!(full > 100 << 20, "{full}");
    drop((small, large));
    m.collect(Collect::Full);
    wait_until("the system has its memory again", || heap.stats().memory_bytes < 48 << 20);
    assert!(heap.stats().memory_peak >= full);
}

#[test]
fn figures_add_up() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64; 7]>>::new());
    for i in 0..500_000_u64 {
        let new = m.alloc([i; 7]);
        if i % 50 == 0 {
            kept.get_mut(&m).push(new);
        }
        m.safepoint();
    }
    m.collect(Collect::Full);
    let stats = heap.stats();
    let live = 10_000 * 64;
    assert_eq!((stats.old_objects, stats.old_bytes), (10_000, live));
    let gone = stats.bytes_allocated as usize - stats.bytes_freed as usize;
    // Gaps at the ends of chunks, and cells that are larger than their objects.
    assert!(gone.abs_diff(live) < 64 << 10, "{gone} bytes not freed of which {live} live");
    // A full collection has two pauses.
    assert_eq!(stats.collections.total() + stats.collections.full, heap.pauses().count());
    assert_eq!(stats.pause_max, heap.pauses().max());
}

#[test]
fn each_collection_is_told_once() {
    let (send, events) = mpsc::channel();
    let send = Mutex::new(send);
    let heap = calm().on_event(Level::Debug, move |event| drop(send.lock().send(event.to_string()))).build().unwrap();
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Young);
    m.collect(Collect::Full);
    let mut told: Vec<String> = (0..4).map(|_| events.recv_timeout(TIMEOUT).unwrap()).collect();
    // Events of different threads are told in any order.
    told.sort();
    for (told, start) in told.iter().zip([
        "full_collection cause=explicit cycle=1 pause_us=",
        "pause collected=promote cause=explicit step=begin pause_us=",
        "pause collected=promote cause=explicit step=finish pause_us=",
        "pause collected=young cause=explicit step=whole pause_us=",
    ]) {
        assert!(told.starts_with(start), "{told:?}");
    }
}

#[test]
fn a_hundred_heaps_do_not_mix() {
    let heaps: Vec<Heap> = (0..100).map(|_| calm().build().unwrap()).collect();
    let roots: Vec<_> = heaps
        .iter()
        .enumerate()
        .map(|(n, heap)| {
            let m = heap.attach().unwrap();
            m.root(m.alloc(n))
        })
        .collect();
    for (n, (heap, root)) in heaps.iter().zip(&roots).enumerate() {
        let mut m = heap.attach().unwrap();
        m.collect(Collect::Full);
        assert_eq!(*root.get(&m), n);
    }
}
