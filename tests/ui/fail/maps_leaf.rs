//! A map with pointers is no leaf.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, Leaf, Trace};

#[derive(Trace)]
struct Table<'gc> {
    rows: Leaf<HashMap<u64, Gc<'gc, u64>>>,
}

fn main() {}
