//! The twin of `fail/acyclic_any.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::any::Any;

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    any: Box<u64>,
    error: Box<str>,
}

fn main() {}
