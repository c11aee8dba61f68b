//! The twin of `fail/acyclic_later_field.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::Trace;
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        value: u64,
    }
)]
#[trace(leaf, acyclic)]
struct Node {
    value: u64,
}

fn main() {}
