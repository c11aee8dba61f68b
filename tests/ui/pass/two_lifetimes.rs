//! The twin of `fail/two_lifetimes.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Pair<'a> {
    left: Gc<'a, u64>,
    right: Gc<'a, u64>,
}

fn main() {}
