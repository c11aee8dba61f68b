//! A parked mutator stays on its thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let parked = heap.attach().unwrap().park();
    std::thread::spawn(move || drop(parked)).join().unwrap();
}
