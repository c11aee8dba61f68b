//! A `Slot` by way of a type parameter.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Slot, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node<T> {
    next: T,
}

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Node<Slot<'static, u64>>>();
}
