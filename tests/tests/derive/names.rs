//! Names that the derive introduces are nobody else's: each of them may be the user's.

#![allow(dead_code, reason = "that it compiles is the test")]

use gc_core::{Gc, Heap, Object, Slot, Trace};
use gc_tests::Tested;

#[derive(Trace)]
struct Own<'collection, __GcVisitor: ?Sized + Object>(Slot<'collection, __GcVisitor>);

/// In a where clause.
#[derive(Trace)]
struct HigherRanked<T>(T)
where
    for<'collection> T: PartialEq<&'collection u8>,
    for<'other_collection> T: PartialOrd<&'other_collection u8>;

/// Inline, where two binders would be nested.
#[derive(Trace)]
struct Inline<T: for<'collection> PartialEq<&'collection u8> + Clone + for<'other> PartialOrd<&'other u8>>(T);

trait Payload {
    type Payload;
}

/// With an associated type, which takes a second lifetime.
#[derive(Trace)]
struct Projected<'other_collection, T: Payload>(T::Payload, Gc<'other_collection, u8>, T);

#[derive(Trace)]
#[trace(bound = "T: Trace, T::Static: for<'collection> PartialEq<&'collection u8>, \
                 for<'x, 'collection> T::At<'x>: PartialEq<&'collection u8>")]
struct Bound<'collection_, T>(T, Gc<'collection_, u8>)
where
    for<'collection> T: PartialEq<&'collection u8>;

/// Traits of the user's may have the names of those by which types are traced: unqualified if no bound is one, and with a path.
mod own_traits {
    pub trait Trace {
        type Payload;
        fn trace(&self) -> u64;
    }
    pub trait Object {
        fn id(&self) -> u64;
    }

    impl Trace for u8 {
        type Payload = u16;
        fn trace(&self) -> u64 {
            u64::from(*self)
        }
    }
    impl Object for str {
        fn id(&self) -> u64 {
            self.len() as u64
        }
    }
    impl Object for u8 {
        fn id(&self) -> u64 {
            8
        }
    }

    #[derive(gc_core::Trace)]
    pub struct Unqualified<'gc, T, U: Object>(pub gc_core::Gc<'gc, T>, pub T, pub U);

    #[derive(gc_core::Trace)]
    pub struct Qualified<'gc, T: self::Trace, U: ?Sized + self::Object + gc_core::Referent>(
        pub T,
        pub gc_core::Gc<'gc, U>,
    );

    #[derive(gc_core::Trace)]
    pub struct Clause<'gc, T>(pub T, pub gc_core::Gc<'gc, T>, pub T::Payload)
    where
        T: crate::names::own_traits::Trace + gc_core::Trace;

    /// The path of the crate is told apart, and its bound is not repeated: a generic function can use the type.
    #[derive(gc_core::Trace)]
    pub struct OfTheCrate<'gc, T: gc_core::Trace, U: ?Sized + ::gc_core::Object>(pub T, pub gc_core::Gc<'gc, U>);

    pub fn alloc<'gc, T: gc_core::Traced<'gc>>(
        m: &'gc gc_core::Mutator,
        value: T,
        text: gc_core::Gc<'gc, str>,
    ) -> gc_core::Gc<'gc, OfTheCrate<'gc, T, str>> {
        m.alloc(OfTheCrate(value, text))
    }
}

#[test]
fn traits_of_the_users_may_be_named_like_ours() -> Tested {
    use own_traits::{Clause, Object as _, Qualified, Trace as _, Unqualified};

    let heap = Heap::builder().stress("verify".parse()?).build()?;
    let mut m = heap.attach()?;
    let text = m.alloc_str("four");
    let value = (
        m.alloc(Unqualified(m.alloc(1_u8), 2_u8, 3_u8)),
        m.alloc(Qualified::<u8, str>(4, text)),
        m.alloc(Clause(5_u8, m.alloc(6), 7)),
        own_traits::alloc(&m, text, text),
    );
    let root = m.root(value);
    m.collect(gc_core::Collect::Full);
    let (unqualified, qualified, clause, of_the_crate) = root.get(&m);
    assert_eq!((*unqualified.0, unqualified.1, unqualified.2.id()), (1, 2, 8));
    assert_eq!((qualified.0.trace(), qualified.1.id()), (4, 4));
    assert_eq!((clause.0.trace(), *clause.1, clause.2), (5, 6, 7));
    assert_eq!((&*of_the_crate.0, &*of_the_crate.1), ("four", "four"));
    Ok(())
}

#[test]
fn every_name_may_be_the_users() -> Tested {
    let heap = Heap::builder().build()?;
    let m = heap.attach()?;
    let own = m.alloc(Own(Slot::new(Some(m.alloc(1_u64)))));
    assert_eq!(own.0.get().map(|value| *value), Some(1));
    Ok(())
}
