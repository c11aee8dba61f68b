//! An attribute macro adds a variant after the derive has seen the type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Slot, Trace};
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    enum Value<'gc> {
        Int(u64),
        Node(Gc<'gc, u64>),
        More(Gc<'gc, u64>),
    }
)]
enum Value<'gc> {
    Int(u64),
    Node(Gc<'gc, u64>),
}

fn main() {}
