//! A rooted value is borrowed together with the mutator.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(vec![m.alloc(1_u64)]);
    let values = root.borrow(&m);
    m.safepoint();
    assert_eq!(*values[0], 1);
}
