//! Nor can a root.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, u64>,
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let _ = m.root::<Node<'static>>(Node { next: Slot::null() });
}
