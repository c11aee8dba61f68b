//! A root of it does not.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Later, Root, Trace};

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc_cyclic(|later| {
        let later = m.root(later);
        std::thread::scope(|scope| {
            scope.spawn(|| drop(later));
        });
        7
    });
}
