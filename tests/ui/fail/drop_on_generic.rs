//! Nor may a generic one, whatever its parameters are.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
struct Pair<T: Ord>(T, T);

impl<T: Ord> Drop for Pair<T> {
    fn drop(&mut self) {}
}

fn main() {}
