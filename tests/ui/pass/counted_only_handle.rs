//! The twin of `fail/counted_only_handle.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Counted, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    next: Option<Counted<Node>>,
}

fn main() {
    let mut node = Counted::new(Node { next: None });
    let other = Counted::new(Node { next: None });
    if let Some(contents) = Counted::get_mut(&mut node) {
        contents.next = Some(other.clone());
    }
    drop(other);
}
