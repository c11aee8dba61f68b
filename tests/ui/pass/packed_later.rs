//! The twin of `fail/packed_later.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::{keep, pack};



#[derive(Trace)]
#[keep]
struct Node<'gc> {
    tag: u8,
    next: Gc<'gc, u64>,
}

fn main() {}
