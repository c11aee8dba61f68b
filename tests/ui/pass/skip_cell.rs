//! The twin of `fail/skip_cell.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    count: AtomicU64,
}

fn main() {}
