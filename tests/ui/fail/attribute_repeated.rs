//! An attribute is given once.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip, skip)]
    value: u64,
}

fn main() {}
