//! `#[trace(crate = path)]` can name a module of the program with a `__private` of its own: it gains nothing, as the derive
//! proves through the trait that it implements.

#![allow(dead_code, unused_imports, reason = "what stands in for the derive's helpers is not used: that is the point")]
use gc_core::{Collect, Gc, Heap, Trace};

mod fake {
    pub mod __private {
        pub use core::marker::{Send, Sync};
        pub use core::primitive::bool;
        pub use gc_core::{
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
}

#[derive(Trace)]
#[trace(crate = fake)]
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
