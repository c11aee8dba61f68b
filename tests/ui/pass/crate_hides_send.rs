//! The twin of `fail/crate_hides_send.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;
}

use genuine::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf)]
struct Hidden<T: 'static>(T);

fn main() {}
