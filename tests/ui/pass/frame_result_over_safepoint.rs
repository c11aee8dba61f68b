//! The twin of `fail/frame_result_over_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Mutator};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let pointer = m.frame(|m, [one]| one.keep(m, m.alloc(1_u64)).get(m));
    assert_eq!(*pointer, 1);
    m.safepoint();
}
