//! The observer of memory pressure: it may attach and let go of a cache; what it does wrong harms nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use gc_core::{Gc, Heap, Mutator, Root};
use gc_tests::heaps::{calm, wait_until};
use parking_lot::Mutex;

type Pages = Root<Vec<Gc<'static, [u64]>>>;

/// Fills the heap until an allocation is refused, and reaches a safepoint.
fn fill(m: &mut Mutator, pages: &mut Pages) {
    while let Ok(page) = m.try_alloc_slice_with(200, |n| n as u64) {
        pages.get_mut(m).push(page);
        m.safepoint();
    }
    m.safepoint();
}

#[test]
fn an_observer_attaches_and_lets_go_of_a_cache() {
    let cache: Arc<Mutex<Option<Pages>>> = Arc::default();
    let theirs = cache.clone();
    let (send, seen) = mpsc::channel();
    let send = Mutex::new(send);
    let builder = calm().hard_limit(32 << 20).on_pressure(move |pressure| {
        let Some(heap) = pressure.heap() else { return };
        let m = heap.attach().unwrap();
        if let Some(cache) = theirs.lock().take() {
            let _ = send.lock().send((cache.borrow(&m).len(), pressure.room()));
        }
    });
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut pages: Pages = m.root(Vec::<Gc<[u64]>>::new());
    fill(&mut m, &mut pages);
    *cache.lock() = Some(pages);
    // Refused once more: the major collection finds no room, and the observer is called.
    let (length, room) = loop {
        let _ = m.try_alloc_slice_with(200, |n| n);
        m.safepoint();
        if let Ok(seen) = seen.try_recv() {
            break seen;
        }
    };
    assert!(length > 1000 && room < 4 << 20, "{length} pages, room for {room}");
    wait_until("the cache is room", || {
        m.safepoint();
        m.try_alloc_slice_with(1 << 20, |_| 0_u64).is_ok()
    });
}

#[test]
fn an_observer_that_panics_is_called_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = calls.clone();
    let heap = calm().hard_limit(16 << 20).on_pressure(move |_| {
        theirs.fetch_add(1, Ordering::Relaxed);
        panic!("an observer may panic");
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut pages: Pages = m.root(Vec::<Gc<[u64]>>::new());
    for round in 1..4 {
        fill(&mut m, &mut pages);
        wait_until("the observer was called", || {
            let _ = m.try_alloc_slice_with(200, |n| n);
            m.safepoint();
            calls.load(Ordering::Relaxed) >= round
        });
    }
}

/// An observer that never returns keeps no collection, and no end of a heap.
#[test]
fn an_observer_that_hangs_harms_nothing() {
    let (begun, wait) = mpsc::channel();
    let begun = Mutex::new(begun);
    let heap = calm().hard_limit(16 << 20).on_pressure(move |_| {
        let _ = begun.lock().send(());
        loop {
            std::thread::park();
        }
    });
    let heap: Heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut pages: Pages = m.root(Vec::<Gc<[u64]>>::new());
    fill(&mut m, &mut pages);
    wait_until("the observer was called", || {
        let _ = m.try_alloc_slice_with(200, |n| n);
        m.safepoint();
        wait.try_recv().is_ok()
    });
    pages.get_mut(&m).clear();
    m.collect(gc_core::Collect::Full);
    fill(&mut m, &mut pages);
    drop(pages);
    drop(m);
    // Returns: the heap ends, and waits for its own threads only.
    drop(heap);
}
