//! The twin of `fail/skip_traced_parameter.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Node<T: 'static + Send + Sync, U> {
    #[trace(skip)]
    this: T,
    that: U,
}

fn main() {}
