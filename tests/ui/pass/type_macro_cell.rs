//! The twin of `built/type_macro_cell.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::alternating;

#[derive(Trace)]
struct Node<'gc> {
    next: alternating!(Slot<'gc, u64> | u64),
    other: Option<Gc<'gc, u64>>,
}

fn main() {
    let heap = gc_core::Heap::builder().build().unwrap();
    let m = heap.attach().unwrap();
    m.alloc(Node { next: Slot::null(), other: None });
}
