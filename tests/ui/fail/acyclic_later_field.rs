//! An attribute macro adds a field after the derive has seen the type.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::{Arc, OnceLock};

use gc_core::Trace;
use gc_tests_macros::instead;

#[derive(Trace)]
#[instead(
    struct Node {
        value: u64,
        next: OnceLock<Arc<Node>>,
    }
)]
#[trace(leaf, acyclic)]
struct Node {
    value: u64,
}

fn main() {}
