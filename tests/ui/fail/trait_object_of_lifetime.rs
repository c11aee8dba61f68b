//! Nor into one that names the collection lifetime. One that does not may be skipped, and is given the pointers.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

trait Callback<'gc> {
    fn call(&self, m: &'gc Mutator, name: Gc<'gc, str>);
}

#[derive(Trace)]
struct Task<'gc> {
    callback: Option<Box<dyn Callback<'gc>>>,
    name: Gc<'gc, str>,
}

fn main() {}
