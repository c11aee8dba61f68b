//! A skipped field is reached from many threads: not a `Cell`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use gc_core::Trace;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    count: Cell<u64>,
}

fn main() {}
