//! A weak reference stays on its thread.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let weak = Gc::downgrade(m.alloc(7), &m);
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(weak.id(), Some(1)));
    });
}
