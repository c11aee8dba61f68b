//! The twin of `fail/trait_object.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Box<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
