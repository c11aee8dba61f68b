//! Breaks: blocks that were charged stay charged when the system refuses to commit them.
#![forbid(unsafe_code)]
use gc_core::{Heap, Stress};
#[test]
fn what_the_system_refused_is_not_charged() {
    let heap = Heap::builder().stress("map-fails=1".parse::<Stress>().unwrap()).build().unwrap();
    let m = heap.attach().unwrap();
    assert!(m.try_alloc(1_u64).is_err());
    assert_eq!(heap.stats().memory_bytes, 0);
}
/// The documentation of `GcCell`: a forgotten guard counts no more after the next safepoint.
#[test]
fn a_forgotten_guard_counts_no_more_after_a_safepoint_or_detach() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(gc_core::GcCell::new(1_u64)));
    std::mem::forget(root.get(&m).borrow_mut(&m));
    m.safepoint();
    drop(m);
    let m = heap.attach().unwrap();
    assert_eq!(root.get(&m).get(&m), 1);
}
