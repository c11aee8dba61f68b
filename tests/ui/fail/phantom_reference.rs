//! A marker with references of the collection lifetime: a `Gc` follows it.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Shared<'gc>(PhantomData<&'gc ()>);

#[derive(Trace)]
struct Invariant<'gc>(PhantomData<fn(&'gc u8) -> &'gc u8>);

fn main() {}
