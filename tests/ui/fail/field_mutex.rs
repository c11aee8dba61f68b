//! `Mutex`: a store would pass the barrier by.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Mutex;

use gc_core::{Gc, GcCell, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Mutex<Option<Gc<'gc, Node<'gc>>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
