//! A `Gc` in what nobody traces, under a lifetime that is not the collection's.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    next: Gc<'static, u64>,
}

fn main() {}
