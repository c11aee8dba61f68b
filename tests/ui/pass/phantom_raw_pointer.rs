//! The twin of `fail/phantom_raw_pointer.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use std::marker::PhantomData;

use gc_core::{Gc, Trace};

#[derive(Trace)]
struct Main<'gc> {
    not_sent: PhantomData<fn() -> ()>,
    name: Gc<'gc, str>,
}

#[derive(Trace)]
struct Of<'gc, T> {
    not_sent: PhantomData<fn() -> T>,
    name: Gc<'gc, str>,
}

fn main() {}
