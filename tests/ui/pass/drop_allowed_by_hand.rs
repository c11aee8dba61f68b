//! The twin of `fail/drop_allowed_by_hand.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{
    Gc, Trace,
    __private::{DoesNotDrop, TracedTypesMayNotImplementDrop, TracedWithDrop},
};

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
