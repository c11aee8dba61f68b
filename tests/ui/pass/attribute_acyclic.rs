//! The twin of `fail/attribute_acyclic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    value: u64,
}

fn main() {}
