//! Nor if an attribute macro packs the type after the derive has seen it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::{keep, pack};



#[derive(Trace)]
#[pack]
struct Node<'gc> {
    tag: u8,
    next: Gc<'gc, u64>,
}

fn main() {}
