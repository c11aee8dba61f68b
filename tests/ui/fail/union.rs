//! The live field of a union is not known.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
union Value<'gc> {
    int: u64,
    node: Gc<'gc, u64>,
}

fn main() {}
