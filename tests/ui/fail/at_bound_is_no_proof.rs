//! `bound` replaces bounds, not proofs.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::Trace;

trait Kind {
    type Payload;
}

#[derive(Trace)]
#[trace(bound = "K: Trace + Kind, K::Payload: Trace, K::Static: Kind, for<'x> K::At<'x>: Kind")]
struct Tagged<K: Kind> {
    kind: K,
    payload: K::Payload,
}

fn main() {}
