//! The twin of `fail/acyclic_skip.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(skip)]
    next: Arc<Vec<Arc<Node>>>,
}

fn main() {}
