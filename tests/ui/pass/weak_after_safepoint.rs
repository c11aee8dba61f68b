//! A root of it does not.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let weak = m.root(Gc::downgrade(m.alloc(7), &m));
    m.safepoint();
    assert_eq!(weak.get(&m).id(), Some(1));
}
