//! Another crate goes by the name of `gc_core`, with traits that every type has for `Send` and `Sync`.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;

    pub trait Send {}
    pub trait Sync {}
    impl<T: ?Sized> Send for T {}
    impl<T: ?Sized> Sync for T {}
}

use genuine::{Gc, Trace};

#[derive(Trace)]
#[trace(leaf)]
struct Hidden<T: 'static>(T);

fn main() {}
