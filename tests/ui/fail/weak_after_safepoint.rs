//! A weak reference ends at the next safepoint: its weak cell may move.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let weak = Gc::downgrade(m.alloc(7), &m);
    m.safepoint();
    assert_eq!(weak.upgrade(&m).as_deref(), Some(&7));
}
