//! The twin of `fail/field_added_later.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::add_field;



#[add_field]
#[derive(Trace)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
