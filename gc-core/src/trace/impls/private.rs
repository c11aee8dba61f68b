//! What the code that `#[derive(Trace)]` writes calls. Not for use by hand.
//!
//! The derive sees tokens, and tokens lie: a macro in the place of a type, an attribute that rewrites the item after
//! the derive has seen it, a name that means something else here. So whatever safety depends on is inferred from a
//! *place*, that is a reference to the field out of an exhaustive pattern:
//!
//! - [`field`] proves `F: Trace` and hands the rest of the derive a [`Field`]: its constants, its trace function.
//! - [`field_proof`] with [`FieldProof::becomes`], and [`skipped`], prove that the field's type under `'a` is the
//!   type of that field in `Self::At<'a>`. They take `&mut`, so that no subtyping blurs the lifetimes.
//! - Both functions that need `F: Trace` return an opaque type, whose bounds hold even where `F: Trace` does not: a
//!   field that cannot be traced is then one error and not four.
//!
//! All of them are safe to call by anyone, but for [`Field::trace`], whose duty is that of `Trace::trace`.

use core::marker::PhantomData;

pub use core::{
    marker::{Send, Sync},
    primitive::bool,
};

pub use crate::trace::{Object, Trace, Visitor};

/// The derive's own proof that `Self::At<'a>` is `Self` with its collection lifetime replaced.
///
/// The compiler checks the body of `proof`; nobody calls it.
pub trait Proof: Trace {
    /// Pairs each field of `this` with the same field of `at`.
    fn proof<'a>(this: &mut Self, at: &mut Self::At<'a>);
}

/// Implemented for each type that is traced field by field, and for whatever has a destructor: a type that is both
/// is an error.
///
/// A destructor of a traced type would run when the objects it points to may be gone.
pub trait TracedTypeMustNotImplDrop {}

#[expect(drop_bounds, reason = "an impl of `Drop` is exactly what must collide here")]
impl<T: Drop + ?Sized> TracedTypeMustNotImplDrop for T {}

/// A field of a traced type, its type known by its place.
pub trait Field {
    /// `F::HAS_CELL`.
    const HAS_CELL: bool;

    /// Traces the field in the value at `this`.
    ///
    /// # Safety
    ///
    /// The place that this was made from is a field of the value at `this`, of which `F::trace` may be called.
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V);
}

/// The address of a field of type `F`.
struct Place<F> {
    address: usize,
    type_: PhantomData<fn() -> F>,
}

/// The field at `place`.
#[inline(always)]
pub fn field<F: Trace>(place: &F) -> impl Field + use<F> {
    Place::<F> { address: (&raw const *place).addr(), type_: PhantomData }
}

impl<F: Trace> Field for Place<F> {
    const HAS_CELL: bool = F::HAS_CELL;

    #[inline(always)]
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V) {
        // The reference told only where the field is: the right to write comes from `this`.
        let place = this.cast::<u8>().with_addr(self.address).cast::<F>();
        // SAFETY: the caller says that the field of type `F` is there.
        unsafe { F::trace(place, visitor) }
    }
}

/// Whether the field that `locate` finds holds a cell inline. `locate` is there for its type only.
pub const fn has_cell<S, F: Field>(_locate: fn(&S) -> F) -> bool {
    F::HAS_CELL
}

/// Where a field is in another variant than the one asked for. Never called.
#[cold]
pub fn other_variant<F>() -> F {
    unreachable!("the location of a field is never computed from another variant")
}

/// A field of a traced type on its way to another lifetime.
pub trait FieldProof {
    /// The field's type under the collection lifetime `'a`.
    type At<'a>;

    /// Compiles if the field has the type of `at` under `'a`.
    fn becomes<'a>(self, at: &mut Self::At<'a>, lifetime: Lifetime<'a>);
}

impl<F: Trace> FieldProof for Place<F> {
    type At<'a> = F::At<'a>;

    fn becomes<'a>(self, _: &mut F::At<'a>, _: Lifetime<'a>) {}
}

/// The field at `place`, exactly of its type.
pub fn field_proof<F: Trace>(place: &mut F) -> impl for<'a> FieldProof<At<'a> = F::At<'a>> + use<F> {
    Place::<F> { address: (&raw const *place).addr(), type_: PhantomData }
}

/// A lifetime that cannot be mistaken for another one.
#[derive(Clone, Copy)]
pub struct Lifetime<'a>(PhantomData<fn(&'a ()) -> &'a ()>);

/// The lifetime `'a`.
pub const fn lifetime<'a>() -> Lifetime<'a> {
    Lifetime(PhantomData)
}

/// Compiles if the field is a leaf: without pointers into the heap and the same type under every lifetime.
pub fn skipped<F: 'static + Send + Sync>(_this: &mut F, _at: &mut F) {}
