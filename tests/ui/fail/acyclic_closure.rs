//! A closure holds what it captured, and that may be a lock; a function holds nothing.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

#[derive(Trace)]
#[trace(acyclic)]
struct Native {
    #[trace(skip)]
    call: Box<dyn Fn(u64) -> u64 + Send + Sync>,
}

fn main() {}
