//! A type of one's own that does not say so.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Name {
    text: String,
}

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    names: Vec<Name>,
}

fn main() {}
