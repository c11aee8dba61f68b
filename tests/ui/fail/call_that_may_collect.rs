//! A function that may collect takes `&mut Mutator`, and ends every pointer of its caller.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Mutator};

fn compute(m: &mut Mutator) {
    m.safepoint();
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value = m.alloc(1_u64);
    compute(&mut m);
    assert_eq!(*value, 1);
}
