//! The twin of `fail/handle_of_cyclic_grows.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Later;

fn shorter<'short>(value: Later<'static, u64>) -> Later<'short, u64> {
    value
}

fn main() {}
