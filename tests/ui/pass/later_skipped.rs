//! The twin of `fail/later_skipped.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        #[trace(skip)]
        next: Option<u64>,
    }
)]
struct Node {
    #[trace(skip)]
    next: Option<u64>,
}

fn main() {}
