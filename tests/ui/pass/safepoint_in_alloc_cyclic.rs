//! It allocates.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Later, Root, Trace};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.alloc_cyclic(|_: Later<u64>| {
        m.alloc(7);
        7
    });
    m.safepoint();
}
