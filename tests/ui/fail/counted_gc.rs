//! No pointer into a heap is counted, nor a type that holds one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Counted, Gc, GcCell, Heap, Leaf};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let cell = m.alloc(GcCell::new(None));
    *cell.borrow_mut(&m) = Some(Leaf(Counted::new(vec![m.alloc(1_u64)])));
}
