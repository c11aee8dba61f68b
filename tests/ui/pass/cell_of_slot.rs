//! The twin of `built/cell_of_slot.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{GcCell, Heap, Slot};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc((GcCell::new(value), Slot::new(Some(value))));
}
