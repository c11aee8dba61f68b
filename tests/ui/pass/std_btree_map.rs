//! The twin of `fail/std_btree_map.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::collections::BTreeMap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: BTreeMap<u32, Vec<Gc<'gc, u64>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
