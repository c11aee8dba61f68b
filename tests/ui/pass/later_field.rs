//! The twin of `fail/later_field.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node<'gc> {
        next: Gc<'gc, u64>,
    }
)]
struct Node<'gc> {
    next: Gc<'gc, u64>,
}

fn main() {}
