//! A leaf type may not hide a pointer.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf)]
struct Node {
    next: Gc<'static, u64>,
}

fn main() {}
