//! A macro that gives another type each time does not fool the derive: what counts is the field.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};
use gc_tests_macros::alternating;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    next: alternating!(Gc<'gc, u64> | u64),
    other: Gc<'gc, u64>,
}

fn main() {}
