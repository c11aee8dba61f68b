//! Nor is a variant.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::add_variant;



#[derive(Trace)]
#[add_variant]
enum Value<'gc> {
    Int(u64),
    Node(Gc<'gc, u64>),
}

fn main() {}
