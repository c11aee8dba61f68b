//! That a field is a leaf does not make it acyclic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(skip)]
    next: Arc<Mutex<Vec<Arc<Node>>>>,
}

fn main() {}
