//! The twin of `fail/counted_of_parameter.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::{Acyclic, Counted, Gc, Trace};

#[derive(Trace)]
#[trace(leaf(T))]
struct Counts<'gc, T: Acyclic + Send + Sync> {
    value: Counted<T>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
#[trace(leaf(T))]
struct Shares<'gc, T> {
    value: Arc<T>,
    name: Gc<'gc, str>,
}

fn main() {}
