//! All pointers of a value are of one heap: one collection lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Pair<'a, 'b> {
    left: Gc<'a, u64>,
    right: Gc<'b, u64>,
}

fn main() {}
