//! Nor in a type without a collection lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Slot, Trace};

#[derive(Trace)]
struct Node {
    next: Slot<'static, u64>,
}

fn main() {}
