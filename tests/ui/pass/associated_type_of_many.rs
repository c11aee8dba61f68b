//! The twin of `fail/associated_type_of_many.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

trait Kind {
    type Payload;
}

#[derive(Trace)]
struct Tagged<K: Kind + Clone> {
    kind: K,
    payload: <K as Kind>::Payload,
}

fn main() {}
