//! What is kept in a frame does not leave it as its result.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::Heap;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let kept = m.frame(|m, [number]| number.keep(m, m.alloc(1_u64)));
}
