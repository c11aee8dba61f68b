//! The twin of `fail/drop_on_generic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf)]
struct Pair<T: Ord>(T, T);

impl<T: Ord> Drop for Pair<T> {
    fn drop(&mut self) {}
}

fn main() {}
