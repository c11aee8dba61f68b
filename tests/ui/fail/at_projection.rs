//! An associated type of the type with the collection lifetime, too.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

use gc_core::{Gc, Trace};

trait Kind {
    type Payload;
}

impl<'gc> Kind for &'gc u8 {
    type Payload = Gc<'static, u64>;
}

#[derive(Trace)]
struct Node<'gc> {
    payload: <&'gc u8 as Kind>::Payload,
    other: Gc<'gc, u64>,
}

fn main() {}
