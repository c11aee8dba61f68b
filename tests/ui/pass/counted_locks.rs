//! The twin of `fail/counted_locks.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, Mutex, OnceLock, RwLock};

use gc_core::{Counted, CountedWeak, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    mutex: Mutex<Option<CountedWeak<Node>>>,
    lock: RwLock<Vec<CountedWeak<Node>>>,
    once: OnceLock<CountedWeak<Node>>,
    shared: Arc<Mutex<Option<CountedWeak<Node>>>>,
}

fn main() {}
