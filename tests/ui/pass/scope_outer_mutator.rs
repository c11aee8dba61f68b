//! The twin of `fail/scope_outer_mutator.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.scope(|scope| drop(scope.spawn(|m| *m.alloc(1_u64))));
}
