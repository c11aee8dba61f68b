//! The twin of `fail/acyclic_variant.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
enum Node {
    End,
    Pair(Arc<Node>, Arc<Node>),
    Later { then: Option<Arc<Node>> },
}

fn main() {}
