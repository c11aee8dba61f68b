//! `acyclic` is proven of a type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(acyclic)]
    value: u64,
}

fn main() {}
