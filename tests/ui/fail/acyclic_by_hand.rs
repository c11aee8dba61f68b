//! By hand it takes `unsafe`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::{Acyclic, Trace};

struct Node {
    next: OnceLock<Arc<Node>>,
}

impl Acyclic for Node {}

fn main() {}
