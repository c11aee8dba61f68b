//! A function of any lifetime has to be assumed, though it holds nothing.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
#[trace(acyclic)]
struct Native {
    #[trace(skip)]
    call: for<'gc> fn(&'gc Mutator, Gc<'gc, u64>) -> Gc<'gc, u64>,
}

fn main() {}
