//! The twin of `fail/attribute_acyclic_on_field.rs`: compiles.

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
