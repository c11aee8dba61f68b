//! The [`Trace`] contract: what the collector may look into.
//!
//! An impl of `Trace` reports to the collector where the pointers of a type are, and names the type
//! under any other collection lifetime. `#[derive(Trace)]` writes both. Outside this crate the
//! traits are not meant to be implemented by hand.
//!
//! # Invariants
//!
//! - **[trace.layout]** `At<'a>`, `Static` and `Self` differ in collection lifetimes only, so they
//!   have one layout.
//! - **[trace.all-pointers]** `trace` reports every `Gc`, `Slot` and `GcCell` of the value and of
//!   the memory it owns, exactly once.
//! - **[trace.shared-refs]** `trace` forms only shared references, unless `V::MOVES`. If
//!   `V::MOVES`, the world is stopped, and `trace` may form `&mut` to reach memory that a container
//!   owns.
//! - **[trace.cells-inline]** A `Slot` or `GcCell` lies inline in its object. Containers with
//!   memory of their own assert it in the body of `trace`, which every allocation instantiates. (An
//!   assertion in a constant would be a cycle for recursive types.)
//!
//! [`acyclic`] is the contract of types that may be counted instead of traced.

pub(crate) mod acyclic;
mod impls;
pub(crate) mod pieces;
mod referent;
mod tailed;
mod traced;

use core::ptr::NonNull;

pub use acyclic::Acyclic;
pub use impls::{__private, Leaf};
pub(crate) use impls::{NoCells, nothing_to_trace, trace_each};
pub use referent::Referent;
pub(crate) use tailed::Tailed;
pub use traced::Traced;

use crate::object::{CellWord, EphemeronPair, PointerSlot};

/// A type whose values may live in a heap or in a [`Root`](crate::Root).
///
/// Derive it: `#[derive(Trace)]`. The derive needs no `unsafe`, and refuses an unsound field with a
/// message at that field.
///
/// ```
/// use gc_core::{Gc, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     value: u64,
///     next: Slot<'gc, Node<'gc>>,
///     name: Gc<'gc, str>,
/// }
/// ```
///
/// # Safety
///
/// An impl guarantees that
///
/// - `At<'a>`, `Static` and `Self` differ in collection lifetimes only, so they have one layout;
/// - `trace` reports every `Gc`, `Slot` and `GcCell` of the value and of the memory it owns,
///   exactly once;
/// - `trace` forms only shared references, unless `V::MOVES`. If `V::MOVES`, the world is stopped,
///   and `trace` may form `&mut` to reach memory that a container owns;
/// - a `Slot` or `GcCell` lies inline in its object. A container with memory of its own asserts it
///   in the body of `trace`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be traced by the collector",
    label = "`{Self}` does not implement `Trace`",
    note = "a type of your own: derive it with `#[derive(Trace)]`",
    note = "any type without pointers into the heap that is `'static + Send + Sync`: mark the field `#[trace(skip)]`, or wrap it in `gc_core::Leaf`",
    note = "a type of another crate around pointers into the heap: write `Gc<'gc, T>` for what is shared, `GcCell<T>` for what is changed, and a `Vec` \
            or a map of `gc_core::collections` for what holds many"
)]
pub unsafe trait Trace {
    /// `Self` with its collection lifetime replaced by `'a`: the same layout, the same bytes.
    type At<'a>: for<'b> Trace<At<'b> = Self::At<'b>, Static = Self::Static> + 'a;

    /// `Self` at `'static`: the name of the type for roots and type identity. No user code ever
    /// runs on it.
    type Static: for<'b> Trace<At<'b> = Self::At<'b>, Static = Self::Static> + 'static;

    /// Whether a [`Slot`](crate::Slot) or [`GcCell`](crate::GcCell) lies inline in the value.
    const HAS_CELL: bool;

    /// Whether the value may hold a pointer into the heap. If not, `At<'a>` is `Self` for every
    /// `'a`.
    const HAS_GC: bool;

    /// Whether a [`Slot`](crate::Slot) or [`GcCell`](crate::GcCell) lies where none may
    /// ([trace.cells-inline]): in memory that a container in the value owns, or in another cell.
    /// For the message at the field of a type only, since `trace` asserts the same. A derived type
    /// answers `false`, as its fields are asked where it is defined: so a recursive type is no
    /// cycle here.
    #[doc(hidden)]
    const MISPLACES_CELL: bool = false;

    /// The same of each traced field of a derived type that has no parameters.
    #[doc(hidden)]
    const FIELDS_MISPLACE_CELLS: &'static [bool] = &[];

    /// Gives the derive its proofs. The derive reaches them through the trait that is being
    /// implemented, so no other item can stand in for them.
    #[doc(hidden)]
    const PROOFS: __private::Proofs = __private::Proofs;

    /// Reports every pointer of the value at `this` to `visitor`.
    ///
    /// # Safety
    ///
    /// `this` points to a valid, initialised value that no thread writes meanwhile. With
    /// `V::MOVES`, the world is stopped, and no reference to the value or to memory that it owns
    /// exists.
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V);
}

/// What a [`Gc`](crate::Gc) may point to: every [`Trace`] type, slices of them, and `str`. A bound
/// for generic code; it is not meant to be implemented by hand.
///
/// ```
/// use gc_core::{Gc, Object, Slot};
///
/// fn is_linked<T: Object + ?Sized>(slot: &Slot<T>) -> bool {
///     slot.get().is_some()
/// }
/// assert!(!is_linked(&Slot::<str>::null()));
/// ```
///
/// # Safety
///
/// As for [`Trace`]. `at_address` turns the one-word address of an object of this type into a
/// pointer to it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an object of a collected heap",
    note = "an object is a value of a type that has `#[derive(Trace)]`, a slice of such values, or a `str`; for a leaf of another \
            crate, write `gc_core::Leaf<…>`; for one of several types, write an enum, as there are no objects of trait objects"
)]
pub unsafe trait Object: Referent {
    /// The type under the collection lifetime `'a`.
    type At<'a>: ?Sized + for<'b> Object<At<'b> = Self::At<'b>, Static = Self::Static> + 'a;

    /// The type at `'static`.
    type Static: ?Sized + for<'b> Object<At<'b> = Self::At<'b>, Static = Self::Static> + 'static;

    /// [`Trace::MISPLACES_CELL`] of what lies in the object.
    #[doc(hidden)]
    const OBJECT_MISPLACES_CELL: bool = false;

    /// Returns the object whose one-word address is `address`.
    ///
    /// # Safety
    ///
    /// `address` is the address of a live object of this type.
    #[doc(hidden)]
    unsafe fn at_address(address: NonNull<u8>) -> NonNull<Self>;
}

// SAFETY: the address of a sized object is the address of its value.
#[diagnostic::do_not_recommend]
unsafe impl<T: Trace> Object for T {
    type At<'a> = T::At<'a>;
    type Static = T::Static;
    const OBJECT_MISPLACES_CELL: bool = T::MISPLACES_CELL;

    #[inline(always)]
    unsafe fn at_address(address: NonNull<u8>) -> NonNull<T> {
        address.cast()
    }
}

// SAFETY: the address of a slice is the address of its length word; the elements follow at a fixed distance.
unsafe impl<T: Trace> Object for [T] {
    type At<'a> = [T::At<'a>];
    type Static = [T::Static];
    const OBJECT_MISPLACES_CELL: bool = T::MISPLACES_CELL;

    #[inline(always)]
    unsafe fn at_address(address: NonNull<u8>) -> NonNull<[T]> {
        // SAFETY: the caller guarantees the address of a live slice object, whose length word is initialised.
        let len = unsafe { address.cast::<usize>().read() };
        // SAFETY: the elements lie in the same object, behind the length.
        let elements = unsafe { address.byte_add(crate::object::elements_offset(align_of::<T>())) };
        NonNull::slice_from_raw_parts(elements.cast(), len)
    }
}

// SAFETY: a `str` object is a slice object of bytes that were valid UTF-8 when they were copied in.
unsafe impl Object for str {
    type At<'a> = str;
    type Static = str;

    #[inline(always)]
    unsafe fn at_address(address: NonNull<u8>) -> NonNull<str> {
        // SAFETY: a `str` object has the layout of a `[u8]` object.
        let bytes = unsafe { <[u8] as Object>::at_address(address) };
        // A `str` pointer and a `[u8]` pointer have the same metadata.
        // SAFETY: the pointer is not null.
        unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
    }
}

/// What the collector does with each pointer that [`Trace::trace`] reports. Only the collector
/// implements it, and only the code that `#[derive(Trace)]` writes uses it.
#[diagnostic::on_unimplemented(message = "`Visitor` is implemented by the collector only")]
pub trait Visitor: sealed::Visitor {
    /// Whether the visitor rewrites pointers. It does so only while the world is stopped.
    const MOVES: bool;

    /// Whether the visitor looks for memory that values own, so that it visits values without
    /// pointers, too.
    const LOOKS_FOR_MEMORY: bool = false;

    /// Whether such a visitor comes to values without pointers also here: they may be nested
    /// deeply.
    #[doc(hidden)]
    #[inline(always)]
    fn looks_deeper(&self) -> bool {
        Self::LOOKS_FOR_MEMORY
    }

    /// Visits a pointer field, which is null or the address of an object.
    ///
    /// # Safety
    ///
    /// `pointer_slot` points to a pointer field of the value that is being traced.
    #[doc(hidden)]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot);

    /// Visits a cell with its lock word and its content.
    ///
    /// # Safety
    ///
    /// `word` and `content` are the parts of one `GcCell<T>` of the value that is being traced.
    #[doc(hidden)]
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T);

    /// Visits the pair of an ephemeron, which is an object of its own: the value is reachable from
    /// it if the key is reachable.
    ///
    /// # Safety
    ///
    /// `pair` is the object that is being traced.
    #[doc(hidden)]
    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair);

    /// Calls `element` for the elements of a container, by their index from 0 up to `len`. A
    /// visitor that visits a value in pieces calls it for some of them.
    #[doc(hidden)]
    #[inline(always)]
    fn elements(&mut self, len: usize, mut element: impl FnMut(&mut Self, usize)) {
        for index in 0..len {
            element(self, index);
        }
    }

    /// Names the field that `visit` visits, for a visitor that tells where pointers lie.
    #[doc(hidden)]
    #[inline(always)]
    fn field(&mut self, _name: &'static str, visit: impl FnOnce(&mut Self)) {
        visit(self);
    }

    /// Tells the index of the element that `visit` visits, for such a visitor.
    #[doc(hidden)]
    #[inline(always)]
    fn element(&mut self, _index: usize, visit: impl FnOnce(&mut Self)) {
        visit(self);
    }

    /// Tells that the value owns memory of this many bytes outside the heap, for a visitor that
    /// tells where memory goes.
    #[doc(hidden)]
    #[inline(always)]
    fn owns(&mut self, _bytes: impl FnOnce() -> usize) {}

    /// Tells that the value shares the memory at an address, of this many bytes outside the heap,
    /// with others.
    #[doc(hidden)]
    #[inline(always)]
    fn shares(&mut self, _memory: impl FnOnce() -> (usize, usize)) {}

    /// Calls `visit` for a container that cannot be visited from an index on. A visitor that visits
    /// a value in pieces may not call it.
    #[doc(hidden)]
    #[inline(always)]
    fn whole(&mut self, mut visit: impl FnMut(&mut Self)) {
        visit(self);
    }
}

pub(crate) mod sealed {
    /// Closes [`Visitor`](super::Visitor) to other crates.
    pub trait Visitor {}
}
