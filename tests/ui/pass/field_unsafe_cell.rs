//! The twin of `fail/field_unsafe_cell.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::UnsafeCell;

use gc_core::{Gc, GcCell, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: GcCell<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
