//! An assumed field is a leaf: this one could hold a pointer into the heap.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Mutex;

use gc_core::{GcCell, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(assume_acyclic)]
    value: GcCell<u64>,
}

fn main() {}
