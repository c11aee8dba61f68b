//! What the code that `#[derive(Trace)]` writes calls. It is not meant to be used by hand.
//!
//! The derive sees only tokens, and tokens can mislead. A macro may stand in the position of a
//! type. An attribute may rewrite the item after the derive has seen it. A name may mean something
//! else in the user's module. So everything that safety depends on is inferred from a *place*, that
//! is, from a reference to the field, bound by an exhaustive pattern:
//!
//! - [`Proofs::field`] proves `F: Trace`, and gives the rest of the derive a [`Field`]: whether
//!   there is a cell in it, how it is traced, and what it becomes under another lifetime.
//! - [`Proofs::becomes`] proves that the field in `Self::At<'a>` has exactly that type. It takes
//!   `&mut`, so that no subtyping blurs the lifetimes. (The field of `Self` may be seen as a
//!   subtype of its type: `At` replaces the lifetimes in which the two differ.)
//! - [`Proofs::skipped`] proves that a field is a leaf, and that its type in `Self::At<'a>` is the
//!   same. It takes both by `&mut`.
//! - [`Proofs::acyclic`] proves that a field is acyclic. [`Proofs::assumed`] is for a field that is
//!   assumed to be acyclic: it proves that the field is a leaf, and so without pointers into the
//!   heap.
//!
//! [`Proofs::field`] returns an opaque type, whose bounds hold even if `F: Trace` does not. So a
//! field that cannot be traced is one error, not one at each use.
//!
//! Every function here is safe to call, except [`Field::trace`] and [`Proofs::trace`], whose
//! callers must meet the contract of `Trace::trace`.

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

/// Whether a type has an impl of `Drop`. A destructor of a traced type would run when the objects
/// that the value points to may be gone.
///
/// The answer is by coherence: every type with an impl of `Drop` has the one impl, and the derive
/// writes the other, so that a type with both is an error, whatever bounds either has. A proof in
/// the body of a generic function would not do. That `T: Drop` holds is not always provable there:
/// the impl of `Drop` may have any bound that follows from those of the type, and a bound that the
/// function adds may hide that it does.
///
/// An impl that the user writes is true, or is such an error. So the trait is safe, and may be
/// reached by any path.
pub trait TracedTypesMayNotImplementDrop {
    /// [`Drops`] or [`DoesNotDrop`].
    type Answer;
}

/// The answer for a type with an impl of `Drop`.
pub struct Drops;

/// The answer for a type without an impl of `Drop`.
pub struct DoesNotDrop;

#[diagnostic::do_not_recommend]
#[expect(drop_bounds, reason = "whether there is an impl of `Drop` is the question")]
impl<T: Drop + ?Sized> TracedTypesMayNotImplementDrop for T {
    type Answer = Drops;
}

/// The bound of what the derive calls for a type with an impl of `Drop`. No type has it: it is for
/// the message, and [`TracedTypesMayNotImplementDrop`] is the proof.
///
/// # Safety
///
/// There are no impls.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is traced, and may not implement `Drop`",
    label = "what it points to may be gone when its destructor runs",
    note = "put what has to be released into a field whose type has no pointers into the heap and is `#[trace(leaf)]`, or skipped: that one may \
            implement `Drop`",
    note = "to do something with an object before it is gone, register it with a `gc_core::FinalizationQueue`"
)]
pub unsafe trait TracedWithDrop {}

/// Asks whether a type has an impl of `Drop`, as far as that is provable where it asks.
pub struct AskDrop<T: ?Sized>(PhantomData<fn(&T)>);

#[expect(drop_bounds, reason = "whether there is an impl of `Drop` is the question")]
impl<T: Drop + ?Sized> AskDrop<T> {
    /// Never compiles.
    #[inline(always)]
    pub fn has_none(self)
    where
        T: TracedWithDrop,
    {
    }
}

impl<T: ?Sized> core::ops::Deref for AskDrop<T> {
    type Target = WithoutDrop;

    #[inline(always)]
    fn deref(&self) -> &WithoutDrop {
        &WithoutDrop
    }
}

/// The answer for a type without an impl of `Drop`.
#[derive(Clone, Copy)]
pub struct WithoutDrop;

impl WithoutDrop {
    /// Always compiles.
    #[inline(always)]
    pub fn has_none(self) {}
}

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
    /// The place that this was made from is a field of the value at `this`, and `F::trace` may be
    /// called on that field.
    unsafe fn trace<S, V: Visitor>(self, this: *mut S, visitor: &mut V);
}

/// Provides the proofs of the derive.
///
/// The derive reaches it as `<Self as Trace>::PROOFS` (or `<Self as Acyclic>::acyclic_proofs()`),
/// through the very trait that it implements. The path to this crate may lead to anything in the
/// user's program. A module that stands in for this one would also have to stand in for the trait,
/// and then no trait of this crate would be implemented. The methods are inherent, so no method of
/// another trait takes precedence.
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

    /// Returns whether the field that `locate` finds holds a cell inline. `locate` is passed for
    /// its type only.
    pub const fn has_cell<S, F: Field>(self, _locate: fn(&S) -> F) -> bool {
        F::HAS_CELL
    }

    /// Returns whether a cell in the field that `locate` finds lies where none may. `locate` is
    /// passed for its type only.
    pub const fn misplaces_cell<S, F: Field>(self, _locate: fn(&S) -> F) -> bool {
        F::MISPLACES_CELL
    }

    /// Asserts that no cell in the traced field of this number lies where none may. `message` says
    /// which field it is.
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

    /// Returns what has a method `has_none`, which has the message if a type has a destructor of
    /// its own.
    #[inline(always)]
    pub fn drop_of<T: ?Sized>(self) -> AskDrop<T> {
        AskDrop(PhantomData)
    }

    /// Compiles if a type has no destructor of its own.
    #[inline(always)]
    pub fn without_drop<T: TracedTypesMayNotImplementDrop<Answer = DoesNotDrop> + ?Sized>(self) {}
}

/// Holds if two types are the same.
///
/// For proofs that compare two places. `G` is inferred from its place alone. An argument of type
/// `&mut T` would be coerced instead, by a `DerefMut` of the user's.
#[diagnostic::on_unimplemented(
    message = "under another collection lifetime this field is `{Self}`, and should be `{T}`",
    label = "another type under another collection lifetime",
    note = "a skipped field keeps its type; a traced one has its lifetimes replaced by the collection lifetime",
    note = "a `Counted` or `Arc` of a parameter keeps its type, too: mark the parameter `#[trace(leaf(T))]`, or the whole \
            type `#[trace(leaf)]`"
)]
///
/// A second argument for the layout: even without this proof, the field has one layout under every
/// lifetime. `Self` and `Self::At<'a>` are one type constructor, whose arguments differ in
/// lifetimes. Which impl gives an associated type cannot depend on lifetimes, as coherence compares
/// types without them. So the field's type differs in lifetimes only, whatever it is made of. What
/// is proven here is *which* lifetimes. Two types that differ only in lifetimes cannot have an impl
/// of this trait in addition to the blanket one, as it would overlap.
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

/// What a `Mutex` may hold. A trait of its own, for the error message.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
#[diagnostic::on_unimplemented(
    message = "a lock of std cannot hold `{Self}`, which is no leaf: a store into it would pass by the write barrier",
    label = "write a `GcCell`",
    note = "with pointers into the heap: `GcCell<T>`, which any number of threads may use, instead of `Mutex<T>`, `RwLock<T>` and `OnceLock<T>`; \
            `Slot<'gc, T>` for a single pointer"
)]
pub unsafe trait LeafInMutex: 'static + Send {}

// SAFETY: this impl is the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send> LeafInMutex for T {}

/// What another lock of std may hold: it lends its content to several threads at once. A trait of
/// its own, for the error message.
///
/// # Safety
///
/// The blanket impl is the definition: there are no others.
#[diagnostic::on_unimplemented(
    message = "a lock of std cannot hold `{Self}`, which is no leaf: a store into it would pass by the write barrier",
    label = "write a `GcCell`",
    note = "with pointers into the heap: `GcCell<T>`, which any number of threads may use, instead of `Mutex<T>`, `RwLock<T>` and `OnceLock<T>`; \
            `Slot<'gc, T>` for a single pointer"
)]
pub unsafe trait LeafInStdLock: 'static + Send + Sync {}

// SAFETY: this impl is the definition.
#[diagnostic::do_not_recommend]
unsafe impl<T: 'static + Send + Sync> LeafInStdLock for T {}

/// What a cell of std may hold in a traced type: nothing. A trait of its own, for the error
/// message.
///
/// # Safety
///
/// There are no impls.
#[diagnostic::on_unimplemented(
    message = "a cell of std cannot hold `{Self}` in a traced type: a store into it would pass by the write barrier",
    label = "write a `Slot` or a `GcCell`",
    note = "with pointers into the heap: `Slot<'gc, T>` instead of `Cell<Option<Gc<'gc, T>>>`, and `GcCell<T>` instead of any other cell of a `T`",
    note = "without: an atomic, a lock, or `GcCell<T>`"
)]
pub unsafe trait NotInStdCells: 'static {
    /// A trait with a constant has no trait objects, which would have it.
    const NOT_OF_TRAIT_OBJECTS: () = ();
}

/// What an `Rc` may hold in a traced type: nothing. A trait of its own, for the error message.
///
/// # Safety
///
/// There are no impls.
#[diagnostic::on_unimplemented(
    message = "an `Rc` of `{Self}` cannot be traced: objects are used and dropped on any thread",
    label = "write a `Gc`",
    note = "with pointers into the heap: `Gc<'gc, T>` instead of `Rc<T>`, and `gc_core::Weak<'gc, T>` instead of `rc::Weak<T>`",
    note = "without: `Arc<T>`, or `gc_core::Counted<T>`, which counts without atomic operations on the thread that made it"
)]
pub unsafe trait NotInStdCounts: 'static {
    /// A trait with a constant has no trait objects, which would have it.
    const NOT_OF_TRAIT_OBJECTS: () = ();
}

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
