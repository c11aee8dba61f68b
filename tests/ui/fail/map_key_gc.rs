//! A pointer is no key: it cannot be rewritten in place, and hashing runs user code.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{collections::HashMap, Gc, Trace};

#[derive(Trace)]
struct Key<'gc>(Gc<'gc, u64>);

#[derive(Trace)]
struct Node<'gc> {
    field: HashMap<Key<'gc>, u64>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
