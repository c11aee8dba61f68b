//! The twin of `fail/leaf_type_cell.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::cell::Cell;
use std::sync::Mutex;

use gc_core::Trace;

#[derive(Trace)]
#[trace(leaf)]
struct Counter(Mutex<Cell<u64>>);

fn main() {}
