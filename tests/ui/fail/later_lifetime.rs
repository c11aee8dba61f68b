//! An attribute macro adds a collection lifetime after the derive has seen a type without one.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node<'gc> {
        next: Option<Gc<'gc, u64>>,
    }
)]
struct Node {
    next: Option<u64>,
}

fn main() {}
