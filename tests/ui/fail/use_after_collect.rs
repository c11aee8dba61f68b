//! A pointer may have moved in a collection.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Generation, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.collect(Generation::Old);
    assert_eq!(*value, 1);
}
