//! The collector does not look into a `Pin`: a future in one is skipped.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::pin::Pin;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Task<'gc, F> {
    future: Pin<Box<F>>,
    name: Gc<'gc, str>,
}

fn main() {}
