//! A root of it does not.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Later, Root, Trace};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut kept = None;
    m.alloc_cyclic(|later| {
        kept = Some(m.root(later));
        7
    });
    m.safepoint();
    assert_eq!(*kept.unwrap().get(&m).get().unwrap(), 7);
}
