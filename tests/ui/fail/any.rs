//! `Any` is for types without a collection lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Heap};

use std::any::Any;

fn main() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let value: Box<dyn Any> = Box::new(m.alloc(1_u64));
    m.safepoint();
    assert!(value.is::<Gc<'static, u64>>());
}
