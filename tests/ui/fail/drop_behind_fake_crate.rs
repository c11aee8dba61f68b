//! A destructor of a traced type, behind a crate of the program's own in the place of `gc_core`.
#![forbid(unsafe_code)]
extern crate gc_core as real;
extern crate self as gc_core;

use real::{Gc, Collect, Heap};

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

// A destructor of a traced type, too.
impl Drop for Untraced<'_> {
    fn drop(&mut self) {
        assert_eq!(&**self.hidden, "alive");
    }
}

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

fn main() {
    a_field_that_the_derive_was_tricked_to_skip_is_still_alive();
}
