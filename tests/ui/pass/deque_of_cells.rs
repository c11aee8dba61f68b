//! The twin of `built/deque_of_cells.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::VecDeque;

use gc_core::{GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc(GcCell::new(VecDeque::from([value])));
}
