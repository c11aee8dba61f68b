//! To park ends every pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Mutator, Root};

fn main() {
    let heap = Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    let parked = m.park();
    assert_eq!(*value, 1);
}
