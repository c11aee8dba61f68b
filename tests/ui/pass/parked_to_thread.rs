//! The twin of `fail/parked_to_thread.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let there = heap.clone();
    std::thread::spawn(move || drop(there.attach().unwrap().park())).join().unwrap();
}
