//! What a raw pointer leads to, nobody knows.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::Acyclic;

fn counts<T: Acyclic>() {}

fn main() {
    counts::<*const u64>();
}
