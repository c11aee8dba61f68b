//! The twin of `fail/alloc_generic.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Mutator, Trace};

fn alloc<'gc, T: Trace<At<'gc> = T> + 'gc>(m: &'gc Mutator, value: T) -> Gc<'gc, T> {
    m.alloc(value)
}

fn main() {}
