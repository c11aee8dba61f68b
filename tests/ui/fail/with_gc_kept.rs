//! Nor by a variable outside.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut kept = None;
    heap.with(|m| kept = Some(m.alloc(1_u64))).unwrap();
    assert!(kept.is_some());
}
