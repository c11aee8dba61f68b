//! The twin of `fail/crate_hides_field.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;
}

use genuine::{Gc, Trace};

use __private::*;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    skipped: u64,
    traced: Option<Gc<'gc, u64>>,
}

fn main() {}
