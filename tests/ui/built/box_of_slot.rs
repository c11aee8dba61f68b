//! A `Slot` in a `Box`. A post-monomorphization error: shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Slot};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc(Box::new(Slot::new(Some(value))));
}
