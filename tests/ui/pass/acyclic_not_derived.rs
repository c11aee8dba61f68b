//! The twin of `fail/acyclic_not_derived.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Name {
    text: String,
}

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    names: Vec<Name>,
}

fn main() {}
