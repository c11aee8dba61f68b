//! The twin of `fail/field_rwlock.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::RwLock;

use gc_core::{Gc, GcCell, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
