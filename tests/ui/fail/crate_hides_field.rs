//! Another crate goes by the name of `gc_core`, with items of its own for all that the derive has ever called.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

extern crate gc_core as genuine;
extern crate self as gc_core;

pub mod __private {
    pub use genuine::__private::*;

    pub trait Field {
        fn trace<S, V>(self, _: S, _: V);
    }
    impl<T> Field for T {
        fn trace<S, V>(self, _: S, _: V) {}
    }
    pub fn field<F>(_: F) {}
    pub fn skipped<A, B>(_: &mut A, _: &mut B) {}
    pub trait Derive: Sized {
        fn field<F>(self, _: F) {}
        fn skipped<A, B>(self, _: &mut A, _: &mut B) {}
        fn becomes<A, B>(self, _: &mut A, _: &mut B) {}
    }
    impl<T> Derive for T {}
    pub use Derive as _;
}

use genuine::{Gc, Trace};

use __private::*;

#[derive(Trace)]
struct Node<'gc> {
    #[trace(skip)]
    skipped: std::cell::Cell<Option<Gc<'gc, u64>>>,
    traced: std::cell::Cell<Option<Gc<'gc, u64>>>,
    unbranded: Gc<'static, u64>,
}

fn main() {}
