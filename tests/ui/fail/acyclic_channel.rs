//! What is sent into a channel is held by both ends.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, mpsc::Sender};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    #[trace(skip)]
    next: Sender<Arc<Node>>,
}

fn main() {}
