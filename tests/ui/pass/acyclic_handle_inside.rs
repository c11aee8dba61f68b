//! The twin of `fail/acyclic_handle_inside.rs`: compiles.

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
    let mut last = Arc::new(Node { next: None });
    let mut first = Arc::new(Node { next: Some(last) });
    last = Arc::new(Node { next: None });
    let inside = Arc::get_mut(&mut first).and_then(|first| first.next.as_mut()).and_then(Arc::get_mut);
    if let Some(content) = inside {
        content.next = Some(Arc::clone(&last));
    }
    drop(last);
}
