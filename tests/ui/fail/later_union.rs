//! An attribute macro makes a union of the type after the derive has seen it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    union Node<'gc> {
        next: Gc<'gc, u64>,
    }
)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
