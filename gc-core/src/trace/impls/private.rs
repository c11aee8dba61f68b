//! What the code that `#[derive(Trace)]` writes calls. It is not meant to be used by hand.
//!
//! The derive sees only tokens, and tokens can mislead. A macro may stand in the position of a type. An attribute may rewrite the
//! item after the derive has seen it. A name may mean something else in the user's module. So everything that safety depends on
//! is inferred from a *place*, that is, from a reference to the field, bound by an exhaustive pattern:
//!
//! - [`Proofs::field`] proves `F: Trace`, and gives the rest of the derive a [`Field`]: whether there is a cell in it, how it is
//!   traced, and what it becomes under another lifetime.
//! - [`Proofs::becomes`] proves that the field in `Self::At<'a>` has exactly that type. It takes `&mut`, so that no subtyping
//!   blurs the lifetimes. (The field of `Self` may be seen as a subtype of its type: `At` replaces the lifetimes in which the two
//!   differ.)
//! - [`Proofs::skipped`] proves that a field is a leaf, and that its type in `Self::At<'a>` is the same. It takes both by `&mut`.
//! - [`Proofs::acyclic`] proves that a field is acyclic. [`Proofs::assumed`] is for a field that is assumed to be acyclic: it
//!   proves that the field is a leaf, and so without pointers into the heap.
//!
//! [`Proofs::field`] returns an opaque type, whose bounds hold even if `F: Trace` does not. So a field that cannot be traced is
//! one error, not one at each use.
//!
//! Every function here is safe to call, except [`Field::trace`] and [`Proofs::trace`], whose callers must meet the contract of
//! `Trace::trace`.

use core::marker::PhantomData;

pub use core::{
    marker::{Send, Sync},
    primitive::bool,
};

pub use crate::trace::{
    Object, Trace, Visitor,
    acyclic::{Acyclic, LeadsNowhere},
};

/// The derive's own proof that `Self::At<'a>` is `Self` with its collection lifetime replaced.
///
/// The compiler checks the body of `proof`, which is never called.
pub trait Proof: Trace {
    /// Pairs each field of `this` with the same field of `at`.
    fn proof<'a>(this: &mut Self, at: &mut Self::At<'a>);
}

/// Implemented for each type that is traced field by field, and for every type that has a destructor. A type that is both is an
/// error.
///
/// A destructor of a traced type would run when the objects that the value points to may be gone.
pub trait TracedTypeMustNotImplDrop {}

#[expect(drop_bounds, reason = "an impl of `Drop` is exactly what must collide here")]
impl<T: Drop + ?Sized> TracedTypeMustNotImplDrop for T {}

/// Implemented for every type, and a second time for types that have a destructor, so that the parameter cannot be inferred for
/// these. [`TracedTypeMustNotImplDrop`] gives a better message for the same error, but only if the derive's path leads to it.
pub trait WithoutDrop<Which> {}

impl<T: ?Sized> WithoutDrop<()> for T {}

#[expect(drop_bounds, reason = "whether there is an impl of `Drop` is the question")]
impl<T: Drop + ?Sized> WithoutDrop<Proofs> for T {}

/// A field of a traced type. Its type is known by its place.
pub trait Field {
    /// The field's type under the collection lifetime `'a`.
    type At<'a>;

    /// The value of `F::HAS_CELL`.
    const HAS_CELL: bool;

    /// The value of `F::MISPLACES_CELL`.
    const MISPLACES_CELL: bool;

    /// Traces the field in the value at `this`.
    ///
    /// # Safety
    ///
    /// The place that this was made from is a field of the value at `this`, and `F::trace` may be called on that field.
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V);
}

/// Provides the proofs of the derive.
///
/// The derive reaches it as `<Self as Trace>::PROOFS` (or `<Self as Acyclic>::acyclic_proofs()`), through the very trait that it
/// implements. The path to this crate may lead to anything in the user's program. A module that stands in for this one would also
/// have to stand in for the trait, and then no trait of this crate would be implemented. The methods are inherent, so no method
/// of another trait takes precedence.
#[derive(Clone, Copy)]
pub struct Proofs;

impl Proofs {
    /// Returns the field at `place`.
    #[inline(always)]
    pub fn field<F: Trace>(self, place: &F) -> impl for<'a> Field<At<'a> = F::At<'a>> + use<F> {
        Place::<F> { address: (&raw const *place).addr(), type_: PhantomData }
    }

    /// Traces the field of this name of the value at `this`.
    ///
    /// # Safety
    ///
    /// As for [`Field::trace`].
    #[inline(always)]
    pub unsafe fn trace<F: Field, S, V: Visitor>(self, name: &'static str, field: F, this: *mut S, visitor: &mut V) {
        // SAFETY: the caller guarantees the same.
        visitor.field(name, |visitor| unsafe { field.trace(this, visitor) });
    }

    /// Compiles if `there` has the type that the field has under the lifetime. Never called.
    pub fn becomes<'a, F: Field, G: Same<F::At<'a>>>(self, _field: F, _there: &mut G, _lifetime: Lifetime<'a>) {}

    /// Returns whether the field that `locate` finds holds a cell inline. `locate` is passed for its type only.
    pub const fn has_cell<S, F: Field>(self, _locate: fn(&S) -> F) -> bool {
        F::HAS_CELL
    }

    /// Returns whether a cell in the field that `locate` finds lies where none may. `locate` is passed for its type only.
    pub const fn misplaces_cell<S, F: Field>(self, _locate: fn(&S) -> F) -> bool {
        F::MISPLACES_CELL
    }

    /// Asserts that no cell in the traced field of this number lies where none may. `message` says which field it is.
    #[track_caller]
    pub const fn cells_are_in_place<T: Trace>(self, field: usize, message: &str) {
        assert!(!T::FIELDS_MISPLACE_CELLS[field], "{}", message);
    }

    /// Stands for the other variants in `locate`.
    #[cold]
    pub fn other_variant<F>(self) -> F {
        unreachable!("a field is not located in another variant than its own")
    }

    /// Returns the lifetime `'a`.
    pub const fn lifetime<'a>(self) -> Lifetime<'a> {
        Lifetime(PhantomData)
    }

    /// Compiles if a field is a leaf, and of the same type here and under another lifetime.
    pub fn skipped<F: IsLeaf, G: Same<F>>(self, _here: &mut F, _there: &mut G) {}

    /// Compiles if a field is acyclic.
    pub fn acyclic<F: Acyclic>(self, _here: &mut F) {}

    /// Compiles if a field is a leaf. That it is acyclic is the user's assumption.
    pub fn assumed<F: IsLeaf>(self, _here: &mut F) {}

    /// Compiles if a type is a leaf.
    #[inline(always)]
    pub fn leaf<T: IsLeaf + ?Sized>(self) {}

    /// Compiles if a type has no destructor of its own: with one, there would be two `Which` to choose from.
    #[inline(always)]
    pub fn without_drop<T: WithoutDrop<Which> + ?Sized, Which>(self) {}
}

/// Holds if two types are the same.
///
/// For proofs that compare two places. `G` is inferred from its place alone. An argument of type `&mut T` would be coerced
/// instead, by a `DerefMut` of the user's.
#[diagnostic::on_unimplemented(
    message = "under another collection lifetime this field is `{Self}`, and should be `{T}`",
    label = "another type under another collection lifetime",
    note = "a skipped field keeps its type; a traced one has its lifetimes replaced by the collection lifetime",
    note = "a `Counted` or `Arc` of a parameter keeps its type, too: mark the parameter `#[trace(leaf(T))]`, or the whole \
            type `#[trace(leaf)]`"
)]
///
/// A second argument for the layout: even without this proof, the field has one layout under every lifetime. `Self` and
/// `Self::At<'a>` are one type constructor, whose arguments differ in lifetimes. Which impl gives an associated type cannot
/// depend on lifetimes, as coherence compares types without them. So the field's type differs in lifetimes only, whatever it is
/// made of. What is proven here is *which* lifetimes. Two types that differ only in lifetimes cannot have an impl of this trait
/// in addition to the blanket one, as it would overlap.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
pub unsafe trait Same<T> {}

// SAFETY: this impl is the definition.
unsafe impl<T> Same<T> for T {}

/// The address of a field of type `F`.
struct Place<F> {
    address: usize,
    type_: PhantomData<fn() -> F>,
}

impl<F: Trace> Field for Place<F> {
    type At<'a> = F::At<'a>;
    const HAS_CELL: bool = F::HAS_CELL;
    const MISPLACES_CELL: bool = F::MISPLACES_CELL;

    #[inline(always)]
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V) {
        // The reference gave only the address of the field. The permission to write comes from `this`.
        let place = this.cast::<u8>().with_addr(self.address).cast::<F>();
        // SAFETY: the caller guarantees that the field of type `F` is at that address.
        unsafe { F::trace(place, visitor) }
    }
}

/// A lifetime that is invariant, so that it cannot be mistaken for another one.
#[derive(Clone, Copy)]
pub struct Lifetime<'a>(PhantomData<fn(&'a ()) -> &'a ()>);

/// Leaves: `'static + Send + Sync`. A trait of its own, for the error message.
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

// SAFETY: this impl is the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send + Sync + ?Sized> IsLeaf for T {}

/// What a map of std may hold: leaves. A trait of its own, for the error message.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
#[diagnostic::on_unimplemented(
    message = "a map of std cannot hold `{Self}`, which is not a leaf: use `gc_core::collections::HashMap` or `BTreeMap`",
    label = "the collector cannot look into a map of std",
    note = "a map of std that is left by a panic in `Hash`, `Eq` or `Ord` may no longer list what it holds; the maps of \
            `gc_core::collections` have the same methods, and notice"
)]
pub unsafe trait LeafInStdMap: 'static + Send + Sync {}

// SAFETY: this impl is the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send + Sync> LeafInStdMap for T {}
