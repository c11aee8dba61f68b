//! Another crate goes by the name of `gc_core`, with a trait that does not collide with `Drop`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;

    pub trait TracedTypeMustNotImplDrop {}
}

use genuine::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

fn main() {}
