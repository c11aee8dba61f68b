//! The twin of `fail/set_gc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::BTreeSet;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Vec<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
