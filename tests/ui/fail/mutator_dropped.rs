//! A pointer does not outlive the mutator.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    drop(m);
    assert_eq!(*value, 1);
}
