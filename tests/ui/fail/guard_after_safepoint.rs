//! No guard of a cell lives across a safepoint.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let cell = m.alloc(GcCell::new(1_u64));
    let guard = cell.borrow(&m);
    m.safepoint();
    assert_eq!(*guard, 1);
}
