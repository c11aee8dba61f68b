//! The twin of `fail/leaf_gc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Leaf, Trace};

#[derive(Trace)]
struct Node {
    next: Leaf<Box<u64>>,
}

fn main() {}
