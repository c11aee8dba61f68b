//! So does a pointer that was read from a field.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Some(m.alloc(1_u64))));
    let inner = *root.get(&m);
    m.safepoint();
    assert_eq!(inner.map(|n| *n), Some(1));
}
