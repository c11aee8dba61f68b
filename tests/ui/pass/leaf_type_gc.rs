//! The twin of `fail/leaf_type_gc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf)]
struct Node {
    next: Box<u64>,
}

fn main() {}
