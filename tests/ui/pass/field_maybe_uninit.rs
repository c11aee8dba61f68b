//! The twin of `fail/field_maybe_uninit.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::mem::MaybeUninit;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    field: Option<Gc<'gc, Node<'gc>>>,
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
