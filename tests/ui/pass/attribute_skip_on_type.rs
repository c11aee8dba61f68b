//! The twin of `fail/attribute_skip_on_type.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf)]
struct Node {
    value: u64,
}

fn main() {}
