//! An associated type must follow its parameter to another lifetime.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

trait Kind {
    type Payload;
}

#[derive(Trace)]
struct Liar;

impl Kind for Liar {
    type Payload = Gc<'static, u64>;
}

#[derive(Trace)]
struct Tagged<K: Kind> {
    kind: K,
    payload: K::Payload,
}

#[derive(Trace)]
struct Holder(Tagged<Liar>);

fn main() {}
