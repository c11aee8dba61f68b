//! The twin of `fail/later_static.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        next: Option<u64>,
    }
)]
struct Node {
    next: Option<u64>,
}

fn main() {}
