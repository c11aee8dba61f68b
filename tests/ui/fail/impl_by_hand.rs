//! A safe program cannot write `Trace` by hand, for `Node<'static>` only or otherwise.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Slot, Trace, Visitor};

struct Node<'gc> {
    next: Slot<'gc, u64>,
}

impl Trace for Node<'static> {
    type At<'a> = Node<'static>;
    type Static = Node<'static>;
    const HAS_CELL: bool = true;
    const HAS_GC: bool = false;

    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}

fn main() {}
