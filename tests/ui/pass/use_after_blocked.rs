//! The twin of `fail/use_after_blocked.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    m.blocked(|| ());
    assert_eq!(*root.get(&m), 1);
}
