//! The twin of `fail/acyclic_gc_static.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    next: Arc<u64>,
}

fn main() {}
