//! Nor does that the type is one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Node {
    next: Arc<Mutex<Vec<Arc<Node>>>>,
}

impl Drop for Node {
    fn drop(&mut self) {}
}

fn main() {}
