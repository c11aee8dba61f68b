//! Generic code that does not say that its parameter is acyclic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Acyclic, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Pair<T>(T, Vec<T>);

fn counts<T: Acyclic>() {}

fn counts_pairs<T: 'static>() {
    counts::<Pair<T>>();
}

fn main() {
    counts_pairs::<u64>();
}
