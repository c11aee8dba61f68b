//! A frame keeps pointers, not values that hold some.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [numbers]| {
        let kept = numbers.keep(m, vec![m.alloc(1_u64)]);
    });
}
