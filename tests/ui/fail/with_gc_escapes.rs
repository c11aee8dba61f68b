//! What is allocated inside of `with` does not leave it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let value = heap.with(|m| m.alloc(1_u64)).unwrap();
    assert_eq!(*value, 1);
}
