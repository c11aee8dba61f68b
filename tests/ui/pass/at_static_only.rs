//! The twin of `fail/at_static_only.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Slot<'gc, u64>,
}

fn main() {}
