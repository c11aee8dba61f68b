//! Nor one that claims to live for ever.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    next: Option<Gc<'static, u64>>,
}

fn main() {}
