//! The twin of `fail/frame_of_static.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, unused_variables)]

use gc_core::{Gc, Heap, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, u64>,
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    m.frame(|m, [node]| {
        let kept = node.keep::<Option<Gc<'_, Node<'_>>>>(m, None);
    });
}
