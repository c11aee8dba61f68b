//! Cells in memory that a field owns, and in another cell: each field is named, when the program is only checked.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, GcCell, Slot, Trace, collections::BTreeMap};

#[derive(Trace)]
struct Graph<'gc> {
    edges: Vec<Slot<'gc, Graph<'gc>>>,
    first: Option<Box<Graph<'gc>>>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
struct Counters {
    one: (u8, Box<GcCell<u64>>),
    named: BTreeMap<u8, [GcCell<u64>; 2]>,
}

#[derive(Trace)]
enum Shared<'gc> {
    Nothing,
    Edges { all: Gc<'gc, GcCell<Vec<Slot<'gc, u8>>>> },
    Edge(GcCell<Slot<'gc, u8>>),
}

fn main() {}
