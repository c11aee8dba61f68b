//! The twin of `fail/acyclic_raw_pointer.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::Acyclic;

fn counts<T: Acyclic>() {}

fn main() {
    counts::<Arc<u64>>();
}
