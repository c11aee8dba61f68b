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

#[test]
fn every_name_may_be_the_users() -> Tested {
    let heap = Heap::builder().build()?;
    let m = heap.attach()?;
    let own = m.alloc(Own(Slot::new(Some(m.alloc(1_u64)))));
    assert_eq!(own.0.get().map(|value| *value), Some(1));
    Ok(())
}
