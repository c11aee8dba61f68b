//! A visitor that is not the collector's would see the bare addresses.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Visitor;

struct Spy;

impl Visitor for Spy {
    const MOVES: bool = false;
}

fn main() {}
