//! A raw pointer into the heap dangles after the next collection.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: *const Gc<'gc, Node<'gc>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
