//! A traced type has a size, whatever its last field is.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Object, Trace};

#[derive(Trace)]
struct Tail<'gc, T: ?Sized> {
    name: Gc<'gc, str>,
    value: T,
}

#[derive(Trace)]
struct Elements<'gc, T> {
    name: Gc<'gc, str>,
    elements: [T],
}

#[derive(Trace)]
struct Text<'gc> {
    name: Gc<'gc, str>,
    text: str,
}

fn main() {}
