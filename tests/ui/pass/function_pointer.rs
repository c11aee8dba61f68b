//! The twin of `fail/function_pointer.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Root, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: fn(Root<Gc<'static, Node<'static>>>) -> u64,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
