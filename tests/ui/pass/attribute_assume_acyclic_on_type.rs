//! The twin of `fail/attribute_assume_acyclic_on_type.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    value: u64,
}

fn main() {}
