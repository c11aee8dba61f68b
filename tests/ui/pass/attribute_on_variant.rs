//! The twin of `fail/attribute_on_variant.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
enum Node {
    Value(#[trace(skip)] u64),
}

fn main() {}
