//! An unknown attribute is not ignored.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(require_static)]
struct Node {
    value: u64,
}

fn main() {}
