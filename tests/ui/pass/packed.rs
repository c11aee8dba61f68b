//! The twin of `fail/packed.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[repr(C)]
struct Node<'gc> {
    tag: u8,
    next: Gc<'gc, u64>,
}

fn main() {}
