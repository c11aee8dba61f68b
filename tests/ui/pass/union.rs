//! The twin of `fail/union.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
enum Value<'gc> {
    Int(u64),
    Node(Gc<'gc, u64>),
}

fn main() {}
