//! A `Leaf` may not hide a pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Leaf, Trace};

#[derive(Trace)]
struct Node {
    next: Leaf<Gc<'static, u64>>,
}

fn main() {}
