//! A `Slot` in a `GcCell`: `&mut` to it would pass the barrier by. A post-monomorphization error: shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{GcCell, Heap, Slot};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc(GcCell::new(Slot::new(Some(value))));
}
