//! The twin of `fail/at_associated_type.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

trait Kind {
    type Payload;
}

#[derive(Trace)]
struct Honest<'gc>(Gc<'gc, u64>);

impl<'gc> Kind for Honest<'gc> {
    type Payload = Gc<'gc, u64>;
}

#[derive(Trace)]
struct Tagged<K: Kind> {
    kind: K,
    payload: K::Payload,
}

#[derive(Trace)]
struct Holder<'gc>(Tagged<Honest<'gc>>);

fn main() {}
