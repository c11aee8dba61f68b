//! The twin of `fail/acyclic_root.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Root, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    root: Option<u64>,
    heap: usize,
}

fn main() {}
