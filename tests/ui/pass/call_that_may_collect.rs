//! The twin of `fail/call_that_may_collect.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Mutator};

fn compute(m: &mut Mutator) {
    m.safepoint();
}

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(1_u64));
    compute(&mut m);
    assert_eq!(*root.get(&m), 1);
}
