//! The twin of `fail/crate_hides_drop.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;
}

use genuine::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
