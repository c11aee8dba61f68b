//! A pointer may have moved in a collection.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Collect, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.collect(Collect::Full);
    assert_eq!(*value, 1);
}
