//! The twin of `fail/acyclic_implementor.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::{Acyclic, Trace};

trait Shape: Acyclic {}

#[derive(Trace)]
#[trace(leaf, acyclic)]
struct Square {
    side: u64,
}

impl Shape for Square {}

fn main() {}
