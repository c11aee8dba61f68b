//! A leaf type is `Sync` itself.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;
use std::sync::Mutex;

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf)]
struct Counter(Cell<u64>);

fn main() {}
