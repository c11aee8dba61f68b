//! `assume_acyclic` says nothing where nothing is proven.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(assume_acyclic)]
    value: u64,
}

fn main() {}
