//! The twin of `fail/later_marker.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        next: PhantomData<u8>,
        function: PhantomData<fn(u8) -> u64>,
    }
)]
struct Node {
    next: PhantomData<u64>,
    function: PhantomData<fn() -> u64>,
}

fn main() {}
