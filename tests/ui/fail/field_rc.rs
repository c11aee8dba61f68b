//! `Rc`: many owners of one pointer, none of which could be told that it moved.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::rc::Rc;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Rc<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
