//! Variants take no attribute.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
enum Node {
    #[trace(skip)]
    Value(u64),
}

fn main() {}
