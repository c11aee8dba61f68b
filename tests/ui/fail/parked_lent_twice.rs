//! A parked mutator is not used while it is lent.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut parked = heap.attach().unwrap().park();
    parked.with(|m| m.blocked(|| parked.with(|_| ()))).unwrap().unwrap();
}
