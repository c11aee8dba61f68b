//! A function pointer of the collection lifetime changes with it: it is no leaf.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Root, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: fn(Gc<'gc, Node<'gc>>) -> u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
