//! What is copied out of a root does not end with it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let mut root = m.root(vec![m.alloc(1_u64)]);
    let values = root.get_mut(&m).clone();
    drop(root);
    assert_eq!(values.len(), 1);
}
