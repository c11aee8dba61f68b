//! The twin of `fail/acyclic_leaf.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Node {
    next: Arc<Vec<Arc<Node>>>,
}

impl Drop for Node {
    fn drop(&mut self) {}
}

fn main() {}
