//! The twin of `fail/variant_added_later.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::add_variant;



#[add_variant]
#[derive(Trace)]
enum Value<'gc> {
    Int(u64),
    Node(Gc<'gc, u64>),
}

fn main() {}
