//! The twin of `fail/phantom_reference.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Shared<'gc>(PhantomData<Gc<'gc, ()>>);

#[derive(Trace)]
struct Invariant<'gc>(PhantomData<fn(Gc<'gc, u8>) -> Gc<'gc, u8>>);

fn main() {}
