//! The twin of `fail/field_pin.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::pin::Pin;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Task<'gc, F> {
    #[trace(skip)]
    future: Pin<Box<F>>,
    name: Gc<'gc, str>,
}

fn main() {}
