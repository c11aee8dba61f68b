//! The twin of `fail/acyclic_locks.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock, Weak};

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    mutex: Mutex<Option<Weak<Node>>>,
    lock: RwLock<Vec<Weak<Node>>>,
    once: OnceLock<Weak<Node>>,
    lazy: LazyLock<Weak<Node>>,
    shared: Arc<Mutex<Option<Weak<Node>>>>,
}

fn main() {}
