//! An unknown attribute is not ignored.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(ignore)]
    value: u64,
}

fn main() {}
