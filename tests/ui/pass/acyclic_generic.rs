//! The twin of `fail/acyclic_generic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Pair<T>(T, Vec<T>);

fn counts<T: Acyclic>() {}

fn counts_pairs<T: Acyclic>() {
    counts::<Pair<T>>();
}

fn main() {
    counts_pairs::<u64>();
}
