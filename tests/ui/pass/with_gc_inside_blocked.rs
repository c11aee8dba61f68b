//! The twin of `fail/with_gc_inside_blocked.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let other = Heap::builder().build().unwrap();
    heap.with(|m| {
        let value = *m.alloc(1_u64);
        m.blocked(|| other.with(|m| *m.alloc(2_u64) == value).unwrap())
    })
    .unwrap();
}
