//! An attribute macro puts pointers where the derive has seen markers.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        next: Option<Gc<'static, u64>>,
        function: Option<Gc<'static, u64>>,
    }
)]
struct Node {
    next: PhantomData<u64>,
    function: PhantomData<fn() -> u64>,
}

fn main() {}
