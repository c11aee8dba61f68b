//! The twin of `fail/counted_generic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Counted, Trace};

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct List<T: Acyclic> {
    value: T,
    next: Option<Counted<List<T>>>,
}

fn main() {}
