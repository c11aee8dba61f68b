//! The twin of `fail/counted_own_type.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Counted, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Name(String);

fn main() {
    let _ = Counted::new(Name(String::new()));
}
