//! The twin of `fail/std_hash_map.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::collections::HashMap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: HashMap<String, Gc<'gc, u64>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
