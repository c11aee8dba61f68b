//! The twin of `fail/acyclic_assumed_leaf.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Mutex;

use gc_core::{GcCell, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(assume_acyclic)]
    value: Mutex<u64>,
}

fn main() {}
