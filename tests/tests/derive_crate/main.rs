//! `::gc_core` is whatever the program's root says it is: a crate of the program's own with a `__private` of its own gains
//! nothing, as the derive proves through the trait that it implements.

#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports, reason = "what stands in for the derive's helpers is not used: that is the point")]
extern crate gc_core as real;
extern crate self as gc_core;

use real::{Collect, Gc, Heap};

pub mod __private {
    pub use core::primitive::bool;
    pub use real::{
        __private::{DoesNotDrop, TracedTypesMayNotImplementDrop},
        Trace, Visitor,
    };
    pub trait Proof: Trace {
        fn proof<'a>(this: &mut Self, at: &mut Self::At<'a>);
    }
    pub struct Nothing;
    pub trait Field {
        fn trace<S, V: Visitor>(self, _: *mut S, _: &mut V);
        fn becomes<T, L>(self, _: &mut T, _: L);
    }
    impl Field for Nothing {
        fn trace<S, V: Visitor>(self, _: *mut S, _: &mut V) {}
        fn becomes<T, L>(self, _: &mut T, _: L) {}
    }
    pub fn field<F>(_: &F) -> Nothing {
        Nothing
    }
    pub const fn has_cell<S, F>(_: fn(&S) -> F) -> bool {
        false
    }
    pub fn lifetime<'a>() -> core::marker::PhantomData<&'a ()> {
        core::marker::PhantomData
    }
}

#[derive(real::Trace)]
struct Untraced<'gc> {
    hidden: Gc<'gc, String>,
}

#[test]
fn a_field_that_the_derive_was_tricked_to_skip_is_still_alive() {
    let heap = Heap::builder().build().unwrap();
    let mut m = heap.attach().unwrap();
    let root = m.root(m.alloc(Untraced { hidden: m.alloc("alive".to_owned()) }));
    m.collect(Collect::Promote);
    for i in 0..10000 {
        m.alloc([i; 3]);
    }
    assert_eq!(&**root.get(&m).hidden, "alive");
}
