//! A function pointer that is generic over a lifetime is skipped, and one of the collection lifetime made generic.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
struct Natives<'gc> {
    one: fn(&'gc Mutator, Gc<'gc, str>),
    other: Option<for<'a> fn(&'a Mutator, Gc<'a, str>)>,
    third: fn(&Mutator),
    name: Gc<'gc, str>,
}

fn main() {}
