//! A `bound` that claims what does not hold of the field: it has to be proven where the type is used.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(bound = "T: 'static + Send + Sync")]
struct Skips<T> {
    #[trace(skip)]
    value: T,
}

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Skips { value: m.alloc(1) });
}
