//! Locks in which a `Counted` of the node itself could be put.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex, OnceLock, RwLock};

use gc_core::{Counted, CountedWeak, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    mutex: Mutex<Option<Counted<Node>>>,
    lock: RwLock<Vec<Counted<Node>>>,
    once: OnceLock<Counted<Node>>,
    shared: Arc<Mutex<Option<Counted<Node>>>>,
}

fn main() {}
