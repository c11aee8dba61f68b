//! Observers of pressure that do what they like: the heap goes on, and ends.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gc_core::{Collect, Gc, Heap, Mutator, Root};
use gc_tests::heaps::{calm, wait_until};
use parking_lot::Mutex;

/// Fills the heap until the observer has been called `calls` times.
fn press(m: &mut Mutator, calls: &AtomicUsize, wanted: usize) {
    let mut pages: Root<Vec<Gc<[u64]>>> = m.root(Vec::<Gc<[u64]>>::new());
    wait_until("the observer was called", || {
        let refused = match m.try_alloc_slice_copy(&[1_u64; 500]) {
            Ok(page) => {
                pages.get_mut(m).push(page);
                false
            }
            Err(_) => true,
        };
        // The cycle that a refused allocation is promised finds all of them live: however busy the machine is, it leaves little room.
        m.safepoint();
        if refused {
            pages.get_mut(m).clear();
        }
        calls.load(Ordering::Relaxed) >= wanted
    });
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("a payload's destructor may panic");
    }
}

/// The attack: it sets limits, enters, allocates, collects, attaches, nests and panics with a payload that panics.
#[test]
fn an_observer_does_what_it_likes() {
    let calls = Arc::new(AtomicUsize::new(0));
    let theirs = calls.clone();
    let builder = calm().hard_limit(16 << 20).on_pressure(move |pressure| {
        let call = theirs.fetch_add(1, Ordering::Relaxed);
        let Some(heap) = pressure.heap() else { return };
        heap.set_hard_limit([Some(16 << 20), Some(0), None, Some(8 << 20)][call % 4]);
        heap.with(|m| {
            let _ = m.try_alloc([call; 1000]);
            m.collect(Collect::Full);
            m.blocked(|| heap.with(|m| m.collect(Collect::Young))).unwrap();
        })
        .unwrap();
        let mut m = heap.attach().unwrap();
        m.collect(Collect::Full);
        drop(m);
        heap.set_hard_limit(Some(16 << 20));
        if call % 2 == 1 {
            std::panic::panic_any(Panics);
        }
    });
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    press(&mut m, &calls, 6);
    drop(m);
    // The observer may have set the limit to 0 just now.
    wait_until("the heap goes on", || heap.with(|m| m.try_alloc(1).is_ok()).unwrap());
}

/// The attack: the last handle of the heap is the observer's, which keeps a mutator of it.
#[test]
fn an_observer_drops_the_last_handle() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (theirs, last): (_, Arc<Mutex<Option<Heap>>>) = (calls.clone(), Arc::default());
    let (taken, ended) = (last.clone(), Arc::new(AtomicUsize::new(0)));
    let end = ended.clone();
    let builder = calm().hard_limit(16 << 20).on_pressure(move |pressure| {
        let Some(heap) = pressure.heap() else { return };
        heap.with(|m| *m.alloc(1)).unwrap();
        theirs.fetch_add(1, Ordering::Relaxed);
        drop(heap);
        // Whatever is left of the heap ends here.
        let mut wait = 0;
        while taken.lock().take().is_none() {
            wait += 1;
            if wait > 60_000 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(pressure.heap().is_none());
        end.fetch_add(1, Ordering::Relaxed);
    });
    let heap = builder.build().unwrap();
    let mut m = heap.attach().unwrap();
    press(&mut m, &calls, 1);
    drop(m);
    *last.lock() = Some(heap);
    wait_until("the observer has ended the heap", || ended.load(Ordering::Relaxed) == 1);
}
