//! The proofs for fields of type `PhantomData`, which hold nothing and are not traced. The derive
//! chooses one by its tokens, and the proof takes the type from the place.
//!
//! - **[marker.empty]** Whatever is marked, the field has no size and no pointers. So what is
//!   proven here is not needed for the collector. It keeps what a marker says of the type around
//!   it: that a lifetime is the collection lifetime, or is none, and that a value may not be sent,
//!   as the values of a heap are sent to all its threads.

use core::marker::PhantomData;

use super::__private::{Lifetime, Proofs, Same};
use crate::trace::Object;

impl Proofs {
    /// Compiles if a field marks a function type, and `there` marks the function type of the same
    /// parts under the lifetime.
    pub fn follows<'a, F: MarksFunction, G: Same<F::At<'a>>>(self, _: &mut F, _there: &mut G, _: Lifetime<'a>) {}

    /// Compiles if a field marks a leaf, and `there` marks the same.
    pub fn stays<F: Marker<Marked: MarksLeaf>, G: Same<F>>(self, _: &mut F, _there: &mut G) {}
}

/// `PhantomData`, whatever it is called.
///
/// # Safety
///
/// There are no other impls.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named like `PhantomData`, and is another type",
    label = "not `core::marker::PhantomData`",
    note = "the derive takes a field of type `PhantomData<…>` for the marker of that name: give the type another name"
)]
pub unsafe trait Marker {
    type Marked: ?Sized;
}

// SAFETY: this is the type.
unsafe impl<T: ?Sized> Marker for PhantomData<T> {
    type Marked = T;
}

/// What a marker without a collection lifetime may mark: leaves. A trait of its own, for the error
/// message.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
#[diagnostic::on_unimplemented(
    message = "a traced type cannot have a marker of `{Self}`, which is not `'static + Send + Sync`",
    label = "not `'static + Send + Sync`",
    note = "the values of a heap are used on all its threads, and this marker says that they cannot be; if it is only there \
            because a parameter would be unused, write `PhantomData<fn() -> {Self}>`"
)]
pub unsafe trait MarksLeaf: 'static + Send + Sync {}

// SAFETY: this impl is the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send + Sync + ?Sized> MarksLeaf for T {}

/// A `PhantomData` of a function type. The function cannot be called, so its parts may be replaced
/// as in every other marker. (A function pointer could not follow like that: it was made for the
/// lifetimes that it has.)
#[diagnostic::on_unimplemented(
    message = "under another collection lifetime, it is not known what becomes of `{Self}`",
    label = "not a marker of a safe function of traced types",
    note = "write `PhantomData<fn() -> T>` or `PhantomData<fn(T) -> T>`, with traced types for the parameters and the result"
)]
pub trait MarksFunction {
    /// The marker under the collection lifetime `'a`.
    type At<'a>;
}

/// Functions of up to as many parameters as there are names.
macro_rules! functions {
    ($($parameter:ident)*) => {
        impl<$($parameter: Object + ?Sized,)* R: Object + ?Sized> MarksFunction for PhantomData<fn($($parameter),*) -> R> {
            type At<'a> = PhantomData<fn($($parameter::At<'a>),*) -> R::At<'a>>;
        }
        functions!(@fewer $($parameter)*);
    };
    (@fewer) => {};
    (@fewer $first:ident $($parameter:ident)*) => {
        functions!($($parameter)*);
    };
}
functions!(F E D C B A);
