//! Fields of type `PhantomData`: of traced types, of functions of these, and of leaves.

#![allow(dead_code, reason = "that it compiles is half of the test")]

use std::{cell::Cell, marker::PhantomData, rc::Rc};

use gc_core::{Acyclic, Gc, Mutator, Object, Slot, Trace, Traced};

use crate::survives::survives;

/// Not traced, and not to be.
struct Meters;

/// Neither may it be sent.
struct Local(Rc<Cell<u8>>);

/// Every kind of marker, beside pointers that are traced.
#[derive(Trace)]
struct Marked<'gc, T, U: Object + ?Sized> {
    before: Gc<'gc, u64>,
    traced: PhantomData<T>,
    result: PhantomData<fn() -> T>,
    parameters: PhantomData<fn(T, Gc<'gc, U>)>,
    unsized_parts: PhantomData<fn(Box<T>) -> U>,
    invariant: std::marker::PhantomData<fn(Gc<'gc, T>) -> Gc<'gc, T>>,
    collection: PhantomData<Gc<'gc, ()>>,
    unit: PhantomData<Meters>,
    text: PhantomData<str>,
    of_any_thread: PhantomData<fn() -> Local>,
    generic: PhantomData<for<'a> fn(&'a Mutator) -> &'a Local>,
    after: Slot<'gc, str>,
}

impl<'gc, T, U: ?Sized + Object> Marked<'gc, T, U> {
    fn new(before: Gc<'gc, u64>, after: Gc<'gc, str>) -> Self {
        Self {
            before,
            traced: PhantomData,
            result: PhantomData,
            parameters: PhantomData,
            unsized_parts: PhantomData,
            invariant: PhantomData,
            collection: PhantomData,
            unit: PhantomData,
            text: PhantomData,
            of_any_thread: PhantomData,
            generic: PhantomData,
            after: Slot::new(Some(after)),
        }
    }
}

/// A parameter that occurs in a marker only is a leaf if it is marked so: it need not be traced.
#[derive(Trace)]
#[trace(leaf(K))]
struct Id<'gc, K>(u64, PhantomData<K>, PhantomData<fn() -> K>, Gc<'gc, u64>);

/// A family of types, one for each lifetime. It is a leaf, and its member is traced.
trait Family<'a> {
    type Member;
}

struct Texts;

impl<'a> Family<'a> for Texts {
    type Member = Gc<'a, str>;
}

#[derive(Trace)]
#[trace(leaf(F))]
struct Holds<'gc, F: for<'a> Family<'a>> {
    member: <F as Family<'gc>>::Member,
    family: PhantomData<F>,
}

/// Markers in the variants of an enum, and in a type without a lifetime.
#[derive(Trace, Clone, Copy)]
enum Kind<'gc, T> {
    None,
    Some(PhantomData<fn() -> T>, Gc<'gc, u64>),
}

#[derive(Trace)]
#[trace(acyclic)]
struct Typed<T>(u64, PhantomData<fn(T) -> T>);

#[test]
fn markers_are_followed_and_what_lies_beside_them_is_traced() {
    survives::<Marked<'static, Gc<'static, u8>, [u8]>>(
        |m| Marked::new(m.alloc(1), m.alloc_str("two")),
        |v, _| assert_eq!((*v.before, &*v.after.get().expect("a text")), (1, "two")),
    );
    survives::<(Id<'static, Meters>, Kind<'static, Gc<'static, u8>>)>(
        |m| (Id(1, PhantomData, PhantomData, m.alloc(2)), Kind::Some(PhantomData, m.alloc(3))),
        |v, _| {
            let Kind::Some(_, pointer) = v.1 else { panic!("the same variant") };
            assert_eq!((v.0.0, *v.0.3, *pointer), (1, 2, 3));
        },
    );
}

#[test]
fn the_member_of_a_family_is_traced() {
    survives::<Holds<'static, Texts>>(
        |m| Holds { member: m.alloc_str("one"), family: PhantomData },
        |v, _| assert_eq!(&*v.member, "one"),
    );
}

#[test]
fn generic_code_makes_markers() {
    fn mark<'gc, T: Traced<'gc>>(m: &'gc Mutator) -> Gc<'gc, Marked<'gc, T, str>> {
        m.alloc(Marked::new(m.alloc(1), m.alloc_str("two")))
    }
    survives::<Gc<'static, Marked<'static, Gc<'static, u8>, str>>>(
        |m| mark(m),
        |v, _| assert_eq!((*v.before, &*v.after.get().expect("a text")), (1, "two")),
    );
}

/// What a type marks of itself changes with it.
#[derive(Trace)]
struct OfItself<'gc, T> {
    value: T,
    next: Slot<'gc, OfItself<'gc, T>>,
    own: PhantomData<Self>,
    made: PhantomData<fn() -> Self>,
}

#[test]
fn a_type_marks_itself() {
    survives::<OfItself<'static, Gc<'static, u8>>>(
        |m| OfItself { value: m.alloc(7), next: Slot::null(), own: PhantomData, made: PhantomData },
        |v, _| assert!(*v.value == 7 && v.next.get().is_none()),
    );
}

#[test]
fn a_marker_is_acyclic() {
    fn is_acyclic<T: Acyclic>() {}
    is_acyclic::<Typed<u8>>();
}
