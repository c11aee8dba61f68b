//! Memory that objects hold elsewhere counts towards limits, and makes the heap collect.

use std::sync::mpsc;

use gc_core::{Collect, Event, ExternalBytes, Gc, Level, Slot, Trace};
use gc_tests::heaps::{calm, settle, wait_until};
use parking_lot::Mutex;

#[derive(Trace)]
struct Texture {
    #[trace(skip)]
    held: ExternalBytes,
}

#[test]
fn garbage_that_holds_much_elsewhere_is_collected_though_it_is_small() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (mut most, mut collections) = (0, 0);
    for _ in 0..2000 {
        let held = m.external_bytes(1 << 20);
        m.alloc(Texture { held });
        m.safepoint();
        let stats = heap.stats();
        most = most.max(stats.memory_bytes);
        if stats.collections.young > collections {
            // Destructors run beside the program, which could be any way ahead of them.
            collections = stats.collections.young;
            settle(&heap);
        }
    }
    m.collect(Collect::Full);
    settle(&heap);
    // Two gigabytes went by.
    assert!(heap.stats().memory_bytes < 64 << 20, "{:?}", heap.stats());
    assert!(collections >= 2000 / 64, "{collections}");
    assert!(most < 128 << 20, "{most}");
}

/// The goal is large, and growth begins collections, but only because of what is held elsewhere.
#[test]
fn what_is_held_elsewhere_keeps_no_memory_of_a_burst() {
    const TEXTURES: usize = 256;
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let textures = m.root(m.alloc_slice_with(TEXTURES, |_| Slot::<Texture>::null()));
    let source = vec![1_u8; 60 << 10];
    let kept: Vec<_> = (0..16).map(|_| m.root(m.alloc_slice_copy(&source))).collect();
    let mut pushed = 0;
    let mut push = |m: &mut gc_core::Mutator, cycles: u64| {
        let until = heap.stats().collections.full + cycles;
        wait_until("growth has begun major cycles, which have ended", || {
            let held = m.external_bytes(2 << 20);
            textures.get(m)[pushed % TEXTURES].set(m, Some(m.alloc(Texture { held })));
            pushed += 1;
            m.safepoint();
            // With all places of the window taken.
            pushed >= TEXTURES && heap.stats().collections.full >= until
        });
    };
    push(&mut m, 5);
    let burst: Vec<_> = (0..2000).map(|_| m.root(m.alloc_slice_copy(&source))).collect();
    assert!(heap.memory_report().large_used > 100 << 20);
    drop(burst);
    push(&mut m, 3);
    wait_until("the burst went back", || heap.memory_report().large < 32 << 20);
    assert!(heap.stats().external_bytes >= TEXTURES << 21, "{:?}", heap.stats());
    drop(kept);
}

#[test]
fn what_is_held_elsewhere_meets_the_hard_limit() {
    let heap = calm().hard_limit(64 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let held = m.external_bytes(64 << 20);
    assert!(m.try_alloc_slice_with(1 << 20, |_| 0_u64).is_err());
    drop(held);
    m.safepoint();
    assert!(m.try_alloc_slice_with(1 << 20, |_| 0_u64).is_ok());
}

#[test]
fn live_data_above_the_soft_limit_is_told_after_a_full_collection() {
    let (send, told) = mpsc::channel();
    let send = Mutex::new(send);
    let heap = calm()
        .soft_limit(1 << 20)
        .on_event(Level::Warning, move |event| {
            if let Event::SoftLimit { limit, bytes, .. } = event {
                let _ = send.lock().send((*limit, *bytes));
            }
        })
        .build()
        .unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = m.root(Vec::<Gc<[u64; 128]>>::new());
    m.collect(Collect::Full);
    for n in 0..4096 {
        let new = m.alloc([n; 128]);
        kept.get_mut(&m).push(new);
    }
    m.collect(Collect::Full);
    let (limit, bytes) = told.recv().unwrap();
    assert_eq!(limit, 1 << 20);
    assert!(bytes > 4 << 20, "{bytes}");
    assert!(told.try_recv().is_err(), "the first collection found nothing above it");
}
