//! The twin of `fail/function_pointer_generic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
struct Natives<'gc> {
    #[trace(skip)]
    one: for<'a> fn(&'a Mutator, Gc<'a, str>),
    #[trace(skip)]
    other: Option<for<'a> fn(&'a Mutator, Gc<'a, str>)>,
    #[trace(skip)]
    third: fn(&Mutator),
    name: Gc<'gc, str>,
}

fn main() {}
