//! What is kept in a frame does not get into one that is left later.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Kept};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let mut number = number.keep(m, m.alloc(1_u64));
        m.frame(|m, [inner]| number = inner.keep(m, m.alloc(2_u64)));
        assert_eq!(*number.get(m), 2);
    });
}
