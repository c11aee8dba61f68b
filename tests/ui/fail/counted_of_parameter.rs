//! A `Counted` of a parameter, or an `Arc` of one, is the same under every lifetime, and so must the parameter be.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::sync::Arc;

use gc_core::{Acyclic, Counted, Gc, Trace};

#[derive(Trace)]
struct Counts<'gc, T: Acyclic> {
    value: Counted<T>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
struct Shares<'gc, T> {
    value: Arc<T>,
    name: Gc<'gc, str>,
}

fn main() {}
