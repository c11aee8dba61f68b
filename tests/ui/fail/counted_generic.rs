//! A type that is generic over what it counts says that this is acyclic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Counted, Trace};

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct List<T> {
    value: T,
    next: Option<Counted<List<T>>>,
}

fn main() {}
