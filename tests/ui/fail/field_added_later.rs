//! A field that an attribute macro adds after the derive has seen the type is not overlooked.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::add_field;



#[derive(Trace)]
#[add_field]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
