//! The twin of `fail/root_in_place.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    let mut root = m.root(vec![value]);
    m.safepoint();
    let value = m.alloc(2_u64);
    root.get_mut(&m).push(value);
}
