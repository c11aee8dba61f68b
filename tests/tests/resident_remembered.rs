//! What mutators remembered that come and go is forgotten in time. Alone in its process: its resident memory is measured.

#![forbid(unsafe_code)]

use gc_core::{Collect, Heap, Slot};
use gc_tests::process::resident_bytes;

#[test]
fn what_mutators_remembered_that_come_and_go_is_bounded() {
    const SLOTS: usize = 60_000;
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let slots = m.root(m.alloc_slice_with::<Slot<u64>>(SLOTS, |_| Slot::null()));
    m.collect(Collect::Full);
    let young = m.root(m.alloc(1_u64));
    drop(m);
    let before = resident_bytes();
    let mut most = 0;
    for _ in 0..200 {
        let mut m = heap.attach().unwrap();
        let (slots, young) = (slots.get(&m), young.get(&m));
        for slot in slots.iter() {
            slot.set(&m, None);
            slot.set(&m, Some(young));
        }
        m.safepoint();
        most = most.max(resident_bytes().saturating_sub(before));
    }
    assert!(most < 32 << 20, "{} MiB of remembered places, {:?}", most >> 20, heap.stats().collections);
}
