//! The twin of `fail/maps_leaf.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, Leaf, Trace};

#[derive(Trace)]
struct Table<'gc> {
    rows: Option<HashMap<u64, Gc<'gc, u64>>>,
}

fn main() {}
