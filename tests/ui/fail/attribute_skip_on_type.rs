//! `skip` is for fields.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(skip)]
struct Node {
    value: u64,
}

fn main() {}
