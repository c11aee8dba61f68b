//! Limits and thresholds that are set while the program runs act at its next safepoint.

use gc_core::{Gc, Heap, Mutator, Root};
use gc_tests::heaps::{calm, wait_until};

/// Old garbage: so many MiB of it.
fn garbage(m: &mut Mutator, mib: usize) {
    let mut kept: Root<Vec<Gc<[u64]>>> = m.root(Vec::<Gc<[u64]>>::new());
    for _ in 0..mib << 8 {
        let page = m.alloc_slice_with(500, |n| n as u64);
        kept.get_mut(m).push(page);
        m.safepoint();
    }
    m.collect(gc_core::Collect::Promote);
}

/// Lets a setting act, by safepoints only, until there was a major collection.
fn collects(heap: &Heap, m: &mut Mutator, what: &str) {
    let before = heap.stats().collections.full;
    wait_until(what, || {
        m.safepoint();
        heap.stats().collections.full > before
    });
}

fn thresholds() -> gc_core::Thresholds {
    gc_core::Thresholds { growth_floor: 1 << 30, ..gc_core::Thresholds::default() }
}

#[test]
fn a_hard_limit_that_is_set_acts_at_the_next_safepoint() {
    let heap = calm().thresholds(thresholds()).build().unwrap();
    let mut m = heap.attach().unwrap();
    garbage(&mut m, 40);
    assert_eq!(heap.stats().collections.full, 0);
    heap.set_hard_limit(Some(64 << 20));
    // The goal lies below the hard limit: `alloc` is not refused.
    garbage(&mut m, 40);
    wait_until("the cycle that the limit asked for has ended", || {
        m.safepoint();
        heap.stats().collections.full > 0
    });
    assert!(heap.stats().memory_bytes <= 64 << 20, "{:?}", heap.stats());
}

#[test]
fn a_hard_limit_below_what_is_used_collects_before_an_allocation_is_refused() {
    let heap = calm().thresholds(thresholds()).build().unwrap();
    let mut m = heap.attach().unwrap();
    garbage(&mut m, 100);
    heap.set_hard_limit(Some(48 << 20));
    collects(&heap, &mut m, "what is above the limit is collected");
    wait_until("memory was given back", || heap.stats().memory_bytes < 48 << 20);
    assert!(m.try_alloc([1_u64; 100]).is_ok());
}

#[test]
fn thresholds_a_soft_limit_and_automatic_collection_act_at_the_next_safepoint() {
    let heap = calm().thresholds(thresholds()).build().unwrap();
    let mut m = heap.attach().unwrap();
    garbage(&mut m, 20);
    heap.set_soft_limit(Some(8 << 20));
    collects(&heap, &mut m, "the soft limit acts");
    heap.set_soft_limit(None);
    garbage(&mut m, 40);
    heap.set_thresholds(gc_core::Thresholds { growth_floor: 0, growth_percent: 1, ..thresholds() }).unwrap();
    collects(&heap, &mut m, "the thresholds act");
    heap.set_auto(false);
    garbage(&mut m, 20);
    let before = heap.stats().collections;
    m.safepoint();
    assert_eq!(heap.stats().collections, before);
    heap.set_auto(true);
    collects(&heap, &mut m, "automatic collection acts");
}

#[test]
fn a_full_remembered_set_is_a_cause_of_its_own() {
    let (send, causes) = std::sync::mpsc::channel();
    let send = parking_lot::Mutex::new(send);
    let heap = calm().remembered_entries(64).on_event(gc_core::Level::Debug, move |event| {
        if let gc_core::Event::Pause { cause, .. } = event {
            let _ = send.lock().send(*cause);
        }
    });
    let heap = heap.build().unwrap();
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with(1000, |_| gc_core::Slot::<u64>::null()));
    m.collect(gc_core::Collect::Promote);
    for n in 0..100 {
        let value = m.alloc(n as u64);
        slots.get(&m)[n].set(&m, Some(value));
    }
    m.safepoint();
    let causes: Vec<_> = causes.iter().take(2).collect();
    assert_eq!(causes, [gc_core::Cause::Explicit, gc_core::Cause::RememberedSet]);
}
