//! A boxed root that is dropped after its mutator has detached is dropped, whoever forgets its table first.

use gc_core::{Collect, Heap, Trace};
use std::sync::atomic::{AtomicUsize, Ordering};

static DROPS: AtomicUsize = AtomicUsize::new(0);
#[derive(Trace)]
#[trace(leaf)]
struct Counted(#[allow(dead_code)] [u8; 1000]);
impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_boxed_root_dropped_after_detach_is_dropped() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let root = m.root(Counted([0; 1000]));
    drop(m);
    drop(root);
    let mut m = heap.attach().unwrap();
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    drop(m);
    drop(heap);
    assert_eq!(DROPS.load(Ordering::Relaxed), 1);
}
