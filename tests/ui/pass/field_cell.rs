//! The twin of `fail/field_cell.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;

use gc_core::{Gc, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Slot<'gc, Node<'gc>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
