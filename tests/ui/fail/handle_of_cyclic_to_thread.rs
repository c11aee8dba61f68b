//! A pointer to an object that is being made stays on its thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Later, Root, Trace};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc_cyclic(|later| {
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(later.get().is_none()));
        });
        7
    });
}
