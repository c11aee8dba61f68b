//! The twin of `fail/field_rc.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::rc::Rc;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Gc<'gc, Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
