//! An attribute macro adds a field after the derive has seen the type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node<'gc> {
        next: Gc<'gc, u64>,
        more: Slot<'gc, u64>,
    }
)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
