//! A pointer at `'static` would keep its false lifetime under every other one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'static, u64>,
    other: Gc<'gc, u64>,
}

fn main() {}
