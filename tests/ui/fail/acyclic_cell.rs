//! A `GcCell` is changed while it is shared, and needs a mutator.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Mutex;

use gc_core::{GcCell, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    value: GcCell<u64>,
}

fn main() {}
