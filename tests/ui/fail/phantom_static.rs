//! The parts of a marked function follow the collection lifetime, all of them.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Marked<'gc, T> {
    marker: PhantomData<fn(T) -> Gc<'static, u8>>,
    name: Gc<'gc, str>,
}

fn main() {}
