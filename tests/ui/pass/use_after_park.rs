//! The twin of `fail/use_after_park.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    let mut parked = m.park();
    assert_eq!(parked.with(|m| *root.get(m)), Ok(1));
}
