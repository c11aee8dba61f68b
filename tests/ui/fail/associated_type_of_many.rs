//! Where a parameter has two traits, the derive asks of which the associated type is.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

trait Kind {
    type Payload;
}

#[derive(Trace)]
struct Tagged<K: Kind + Clone> {
    kind: K,
    payload: K::Payload,
}

fn main() {}
