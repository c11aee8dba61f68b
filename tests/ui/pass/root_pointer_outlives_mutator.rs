//! A pointer that was moved out of a root, which stays, lives until the next safepoint.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut root = m.root(vec![m.alloc(1_u64)]);
    let taken = std::mem::take(root.get_mut(&m));
    assert_eq!(*taken[0], 1);
    m.safepoint();
}
