//! `acyclic` is not there yet.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    value: u64,
}

fn main() {}
