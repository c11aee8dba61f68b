//! A skipped field keeps its type under every lifetime, so it is not of a traced parameter.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node<T: 'static + Send + Sync> {
    #[trace(skip)]
    this: T,
    that: T,
}

fn main() {}
