//! The twin of `fail/use_after_collect.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Collect, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    let root = m.root(value);
    m.collect(Collect::Full);
    let value = root.get(&m);
    assert_eq!(*value, 1);
}
