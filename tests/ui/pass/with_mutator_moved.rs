//! The twin of `fail/with_mutator_moved.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m: Mutator = heap.attach().unwrap();
    m.alloc(1_u64);
}
