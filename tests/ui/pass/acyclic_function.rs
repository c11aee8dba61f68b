//! The twin of `fail/acyclic_function.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Native {
    #[trace(skip, assume_acyclic)]
    call: for<'gc> fn(&'gc Mutator, Gc<'gc, u64>) -> Gc<'gc, u64>,
}

fn main() {}
