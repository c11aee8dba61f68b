//! The twin of `fail/acyclic_by_hand.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::{Acyclic, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Node {
    next: OnceLock<u64>,
}

fn main() {}
