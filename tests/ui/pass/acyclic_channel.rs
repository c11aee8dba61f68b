//! The twin of `fail/acyclic_channel.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, mpsc::Sender};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(skip)]
    next: Option<Arc<Node>>,
}

fn main() {}
