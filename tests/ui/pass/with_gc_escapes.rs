//! The twin of `fail/with_gc_escapes.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let root = heap.with(|m| m.root(m.alloc(1_u64))).unwrap();
    assert_eq!(heap.with(|m| *root.get(m)), Ok(1));
}
