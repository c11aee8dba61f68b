//! What is named a leaf is a parameter of the type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf(U))]
struct Node<T> {
    value: std::sync::Arc<T>,
}

fn main() {}
