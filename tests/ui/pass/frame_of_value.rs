//! The twin of `fail/frame_of_value.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [number]| {
        let numbers = m.root(vec![m.alloc(1_u64)]);
        let kept = number.keep(m, numbers.borrow(m)[0]);
    });
}
