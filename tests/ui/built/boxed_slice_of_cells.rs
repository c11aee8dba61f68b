//! A `GcCell` in a boxed slice, and deep in it. A post-monomorphization error: shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    m.alloc(Box::from([Some((1, [GcCell::new(value)]))]) as Box<[_]>);
}
