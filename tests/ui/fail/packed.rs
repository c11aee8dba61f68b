//! A misaligned pointer cannot be traced.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[repr(C, packed)]
struct Node<'gc> {
    tag: u8,
    next: Gc<'gc, u64>,
}

fn main() {}
