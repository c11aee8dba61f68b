//! The twin of `fail/unsized_tail.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Object, Trace};

#[derive(Trace)]
struct Tail<'gc, T: Object + ?Sized> {
    name: Gc<'gc, str>,
    value: Gc<'gc, T>,
}

#[derive(Trace)]
struct Elements<'gc, T> {
    name: Gc<'gc, str>,
    elements: Gc<'gc, [T]>,
}

#[derive(Trace)]
struct Text<'gc> {
    name: Gc<'gc, str>,
    text: Box<str>,
}

fn main() {}
