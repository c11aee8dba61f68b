//! The twin of `fail/acyclic_only_handle.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    next: Option<Arc<Node>>,
}

fn main() {
    let mut node = Arc::new(Node { next: None });
    let other = Arc::new(Node { next: None });
    if let Some(content) = Arc::get_mut(&mut node) {
        content.next = Some(Arc::clone(&other));
    }
    drop(other);
}
