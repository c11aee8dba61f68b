//! A `WeakSlot` in a `Vec` in a `GcCell`: a write to the `Vec` would pass the barrier by. Shows when the program is built.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, GcCell, Heap, WeakSlot};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let weak = Gc::downgrade(m.alloc(7), &m);
    m.alloc(GcCell::new(vec![WeakSlot::new(weak)]));
}
