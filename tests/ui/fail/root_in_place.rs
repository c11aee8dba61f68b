//! What is stored in a rooted value has the lifetime of that borrow.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    let mut root = m.root(vec![value]);
    m.safepoint();
    root.get_mut(&m).push(value);
}
