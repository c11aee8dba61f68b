//! What the derive asks about `Drop` cannot be answered by the user.

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

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

impl TracedWithDrop for Node<'_> {}

impl TracedTypesMayNotImplementDrop for Node<'static> {
    type Answer = DoesNotDrop;
}

fn main() {}
