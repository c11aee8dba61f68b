//! The twin of `fail/maps_std_of_associated.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::collections::HashMap;

use gc_core::{Gc, Trace};

trait Kind {
    type Payload: Send + Sync + 'static;
}

#[derive(Trace)]
#[trace(leaf(K))]
struct Table<'gc, K: Kind> {
    rows: HashMap<u64, <K as Kind>::Payload>,
    next: Option<Gc<'gc, u64>>,
}

fn main() {}
