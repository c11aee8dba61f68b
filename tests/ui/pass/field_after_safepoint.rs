//! The twin of `fail/field_after_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Some(m.alloc(1_u64))));
    m.safepoint();
    let inner = *root.get(&m);
    assert_eq!(inner.map(|n| *n), Some(1));
}
