//! The twin of `fail/cells_in_fields.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, GcCell, Slot, Trace, collections::BTreeMap};

#[derive(Trace)]
struct Graph<'gc> {
    edges: Gc<'gc, [Slot<'gc, Graph<'gc>>]>,
    first: Option<Box<Graph<'gc>>>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
struct Counters {
    one: (u8, GcCell<Box<u64>>),
    named: GcCell<BTreeMap<u8, [u64; 2]>>,
}

#[derive(Trace)]
enum Shared<'gc> {
    Nothing,
    Edges { all: Gc<'gc, GcCell<Vec<Gc<'gc, u8>>>> },
    Edge(GcCell<Gc<'gc, u8>>),
}

fn main() {}
