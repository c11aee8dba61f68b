//! The twin of `fail/attribute_repeated.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    value: u64,
}

fn main() {}
