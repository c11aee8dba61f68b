//! `assume_acyclic` is said of a field.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(assume_acyclic)]
struct Node {
    value: u64,
}

fn main() {}
