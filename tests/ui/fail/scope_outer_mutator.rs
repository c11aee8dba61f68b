//! A thread of a scope does not get the mutator of another one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.scope(|scope| drop(scope.spawn(|_| *m.alloc(1_u64))));
}
