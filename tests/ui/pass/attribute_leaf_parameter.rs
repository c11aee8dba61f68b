//! The twin of `fail/attribute_leaf_parameter.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf(T))]
struct Node<T> {
    value: std::sync::Arc<T>,
}

fn main() {}
