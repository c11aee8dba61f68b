//! The twin of `fail/at_bound_is_no_proof.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

trait Kind {
    type Payload;
}

#[derive(Trace)]
struct Tagged<K: Kind> {
    kind: K,
    payload: K::Payload,
}

fn main() {}
