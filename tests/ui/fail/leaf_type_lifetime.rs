//! A leaf type has no collection lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
