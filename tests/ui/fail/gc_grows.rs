//! A pointer does not live longer than its mutator is borrowed.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Gc;

fn longer<'short>(value: Gc<'short, u64>) -> Gc<'static, u64> {
    value
}

fn main() {}
