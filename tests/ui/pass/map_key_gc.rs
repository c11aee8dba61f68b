//! The twin of `fail/map_key_gc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, Trace};

#[derive(Trace)]
struct Key<'gc>(Gc<'gc, u64>);

#[derive(Trace)]
struct Node<'gc> {
    field: HashMap<u64, Key<'gc>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
