//! The twin of `fail/drop_hidden_by_bound.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

trait Kind {
    type Of;
}

impl<T> Kind for T {
    type Of = u8;
}

// `T::Static: Kind`, which the derive adds, hides what `Of` is.
#[derive(Trace)]
struct Inferred<'gc, T: Trace + Kind> {
    next: Gc<'gc, String>,
    value: T,
}

#[derive(Trace)]
#[trace(bound = "T: Trace, Vec<T>: Kind")]
struct Given<'gc, T> {
    next: Gc<'gc, String>,
    value: T,
}

fn main() {}
