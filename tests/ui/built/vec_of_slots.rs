//! A `Slot` in a `Vec`: its address would be remembered when it is freed. A post-monomorphization error: shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Slot};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc(vec![Slot::new(Some(value))]);
}
