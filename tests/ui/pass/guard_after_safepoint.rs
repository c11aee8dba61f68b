//! The twin of `fail/guard_after_safepoint.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{GcCell, Heap};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let cell = m.alloc(GcCell::new(1_u64));
    let guard = cell.borrow(&m);
    assert_eq!(*guard, 1);
}
