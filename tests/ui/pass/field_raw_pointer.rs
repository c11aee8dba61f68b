//! The twin of `fail/field_raw_pointer.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Gc<'gc, Node<'gc>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
