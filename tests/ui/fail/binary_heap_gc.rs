//! The elements of a `BinaryHeap` cannot be rewritten in place.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::BinaryHeap;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: BinaryHeap<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
