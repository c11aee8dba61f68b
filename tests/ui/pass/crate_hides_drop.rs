//! The twin of `fail/crate_hides_drop.rs`: compiles.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;

    pub trait Asks: Sized {
        fn drop_of<T: ?Sized>(self) -> Self {
            self
        }
        fn has_none(self) {}
        fn without_drop<T: ?Sized>(self) {}
    }
    impl<T> Asks for T {}
}

use __private::Asks;
use genuine::{Gc, Trace};

#[derive(Trace)]
struct Node<'gc> {
    next: Option<Gc<'gc, Node<'gc>>>,
}

fn main() {}
