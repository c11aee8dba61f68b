//! The twin of `fail/impl_by_hand.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, u64>,
}

fn main() {}
