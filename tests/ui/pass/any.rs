//! The twin of `fail/any.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap, Root};

use std::any::Any;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value: Box<dyn Any> = Box::new(m.root(m.alloc(1_u64)));
    m.safepoint();
    assert!(value.is::<Root<Gc<'static, u64>>>());
}
