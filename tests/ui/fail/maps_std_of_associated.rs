//! A map of std whose values are an associated type that need not be a leaf.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::HashMap;

use gc_core::{Gc, Trace};

trait Kind {
    type Payload;
}

#[derive(Trace)]
#[trace(leaf(K))]
struct Table<'gc, K: Kind> {
    rows: HashMap<u64, <K as Kind>::Payload>,
    next: Option<Gc<'gc, u64>>,
}

fn main() {}
