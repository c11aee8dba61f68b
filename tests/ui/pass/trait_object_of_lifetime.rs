//! The twin of `fail/trait_object_of_lifetime.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

trait Callback {
    fn call<'gc>(&self, m: &'gc Mutator, name: Gc<'gc, str>);
}

#[derive(Trace)]
struct Task<'gc> {
    #[trace(skip)]
    callback: Option<Box<dyn Callback + Send + Sync>>,
    name: Gc<'gc, str>,
}

fn main() {}
