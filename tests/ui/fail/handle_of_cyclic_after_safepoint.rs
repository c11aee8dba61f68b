//! A pointer to an object that is being made ends at the next safepoint.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Later, Root, Trace};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = None;
    m.alloc_cyclic(|later| {
        kept = Some(later);
        7
    });
    m.safepoint();
    assert_eq!(*kept.unwrap().get().unwrap(), 7);
}
