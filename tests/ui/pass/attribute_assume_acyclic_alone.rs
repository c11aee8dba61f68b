//! The twin of `fail/attribute_assume_acyclic_alone.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(assume_acyclic)]
    value: u64,
}

fn main() {}
