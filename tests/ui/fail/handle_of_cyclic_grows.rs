//! A pointer to an object that is being made does not live longer than its mutator is borrowed.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Later;

fn longer<'short>(value: Later<'short, u64>) -> Later<'static, u64> {
    value
}

fn main() {}
