//! Another crate goes by the name of `gc_core`, and every type has the methods by which the derive asks for `Drop`.

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

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

fn main() {}
