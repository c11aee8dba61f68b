//! A `Gc` in what nobody traces.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
