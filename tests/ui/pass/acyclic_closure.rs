//! The twin of `fail/acyclic_closure.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Native {
    #[trace(skip)]
    call: fn(u64) -> u64,
}

fn main() {}
