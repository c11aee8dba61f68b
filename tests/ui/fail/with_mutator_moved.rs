//! A mutator that is lent is not to be had by value.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m: Mutator = heap.with(|m| *m).unwrap();
    m.alloc(1_u64);
}
