//! `OnceLock`: a store would pass the barrier by.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::OnceLock;

use gc_core::{Gc, Slot, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: OnceLock<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
