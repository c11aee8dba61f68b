//! The twin of `fail/gc_grows.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Gc;

fn shorter<'short>(value: Gc<'static, u64>) -> Gc<'short, u64> {
    value
}

fn main() {}
