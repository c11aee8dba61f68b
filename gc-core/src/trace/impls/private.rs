//! What the code that `#[derive(Trace)]` writes calls. Not for use by hand.
//!
//! The derive sees tokens, and tokens lie: a macro in the place of a type, an attribute that rewrites the item after
//! the derive has seen it, a name that means something else here. So whatever safety depends on is inferred from a
//! *place*, that is a reference to the field out of an exhaustive pattern:
//!
//! - [`field`] proves `F: Trace`, and gives the rest of the derive a [`Field`]: whether there is a cell in it, how it
//!   is traced, and what it becomes under another lifetime.
//! - [`Field::becomes`] proves that the field in `Self::At<'a>` has just that type. It takes `&mut`, so that no
//!   subtyping blurs the lifetimes. (The field of `Self` may be seen as a subtype of its type: `At` replaces the
//!   lifetimes in which the two differ.)
//! - [`skipped`] proves that a field is a leaf, and that its type in `Self::At<'a>` is the same. Both by `&mut`.
//!
//! [`field`] returns an opaque type, whose bounds hold even where `F: Trace` does not, so that a field that cannot be
//! traced is one error and not one at each use.
//!
//! All of this is safe to call by anyone but [`Field::trace`], whose duty is that of `Trace::trace`.

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
    /// The field's type under the collection lifetime `'a`.
    type At<'a>;

    /// `F::HAS_CELL`.
    const HAS_CELL: bool;

    /// Traces the field in the value at `this`.
    ///
    /// # Safety
    ///
    /// The place that this was made from is a field of the value at `this`, of which `F::trace` may be called.
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V);

    /// Compiles if `there` is what the field is under the lifetime. Nobody calls it.
    fn becomes<'a>(self, there: &mut Self::At<'a>, lifetime: Lifetime<'a>);
}

/// The field at `place`.
#[inline(always)]
pub fn field<F: Trace>(place: &F) -> impl for<'a> Field<At<'a> = F::At<'a>> + use<F> {
    Place::<F> { address: (&raw const *place).addr(), type_: PhantomData }
}

/// The address of a field of type `F`.
struct Place<F> {
    address: usize,
    type_: PhantomData<fn() -> F>,
}

impl<F: Trace> Field for Place<F> {
    type At<'a> = F::At<'a>;
    const HAS_CELL: bool = F::HAS_CELL;

    #[inline(always)]
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V) {
        // The reference told only where the field is: the right to write comes from `this`.
        let place = this.cast::<u8>().with_addr(self.address).cast::<F>();
        // SAFETY: the caller says that the field of type `F` is there.
        unsafe { F::trace(place, visitor) }
    }

    fn becomes<'a>(self, _: &mut F::At<'a>, _: Lifetime<'a>) {}
}

/// Whether the field that `locate` finds holds a cell inline. `locate` is there for its type only.
pub const fn has_cell<S, F: Field>(_locate: fn(&S) -> F) -> bool {
    F::HAS_CELL
}

/// What `locate` says of the other variants.
#[cold]
pub fn other_variant<F>() -> F {
    unreachable!("a field is not located in another variant than its own")
}

/// A lifetime that cannot be mistaken for another one.
#[derive(Clone, Copy)]
pub struct Lifetime<'a>(PhantomData<fn(&'a ()) -> &'a ()>);

/// The lifetime `'a`.
pub const fn lifetime<'a>() -> Lifetime<'a> {
    Lifetime(PhantomData)
}

/// Compiles if a field is a leaf, and of the same type here and under another lifetime.
pub fn skipped<F: IsLeaf>(_here: &mut F, _there: &mut F) {}

/// Leaves: `'static + Send + Sync`. A trait of its own for the sake of the message.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a leaf: it is not `'static + Send + Sync`",
    label = "not a leaf",
    note = "skipped fields, keys and hashers of maps, and what `Leaf` holds, are not traced, and are used and dropped on \
            any thread: they must not hold pointers into the heap, and must be `'static + Send + Sync`"
)]
pub unsafe trait IsLeaf: 'static + Send + Sync {}

// SAFETY: the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send + Sync + ?Sized> IsLeaf for T {}
