//! Locks in which a handle to the node itself could be put.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock, Weak};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    mutex: Mutex<Option<Arc<Node>>>,
    lock: RwLock<Vec<Arc<Node>>>,
    once: OnceLock<Arc<Node>>,
    lazy: LazyLock<Arc<Node>>,
    shared: Arc<Mutex<Option<Arc<Node>>>>,
}

fn main() {}
