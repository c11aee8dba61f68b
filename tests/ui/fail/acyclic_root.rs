//! A root leads into a heap, where anything can be changed.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Heap, Root, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    root: Root<u64>,
    heap: Heap,
}

fn main() {}
