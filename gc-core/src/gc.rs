//! `Gc`: the pointer to an object, one word, valid until the next safepoint.
//!
//! # Invariants
//!
//! - **[gc.live]** The address is that of a live object of type `T` for as long as `'gc` lasts:
//!   everything that can move or free an object takes `&mut Mutator`, which ends `'gc`.
//! - **[gc.one-heap]** A `Gc` never crosses threads. So every `Gc` that a thread holds points into
//!   the one heap that the thread is attached to.

mod compare;

use core::{fmt, marker::PhantomData, ops::Deref, ptr::NonNull};

use crate::{
    object::PointerSlot,
    trace::{Object, Referent, Trace, Visitor},
};

/// A pointer to an object of the heap: one word, `Copy`, dereferences to `T` at the cost of a plain
/// load.
///
/// It borrows the [`Mutator`](crate::Mutator) (`'gc`) and so ends at the next safepoint; a
/// [`Root`](crate::Root) carries it across. For `str` and slices it is one word too: the length
/// lies in the object.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let name = m.alloc_str("Ada");
/// assert_eq!(&*name, "Ada");
/// assert_eq!(size_of_val(&name), size_of::<usize>());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Comparison
///
/// Pointers are equal, ordered and hashed as their objects, as those of `Rc` are. So a pointer to a
/// text is a key that is looked up by any `&str`, and a type with pointers in it derives
/// `PartialEq` and `Hash`. What is a key must not change. Objects of a cycle of which each compares
/// the next one never come to an end, as in std: so cells and slots, by which cycles are made, are
/// not comparable. [`Gc::ptr_eq`] compares objects instead, and [`Gc::by_id`] makes a key that
/// does.
///
/// ```
/// use gc_core::{Gc, GcMap, Heap, Trace};
///
/// #[derive(Trace, PartialEq, Eq, Hash, Debug)]
/// struct Name<'gc> {
///     first: Gc<'gc, str>,
///     last: Gc<'gc, str>,
/// }
///
/// # let heap = Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let ada = || Name { first: m.alloc_str("Ada"), last: m.alloc_str("Lovelace") };
/// assert_eq!(ada(), ada());
/// let born = m.alloc(GcMap::<Gc<Name>, u32>::new());
/// born.insert(&m, m.alloc(ada()), 1815);
/// assert_eq!(born.get(&ada()), Some(&1815)); // looked up by a value that is not in the heap
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Lifetime
///
/// A pointer that would live across a safepoint does not compile:
///
/// ```compile_fail,E0502
/// # let heap = gc_core::Heap::builder().build().unwrap();
/// # let mut m = heap.attach().unwrap();
/// let n = m.alloc(1_u64);
/// m.safepoint();
/// println!("{n}");
/// ```
#[repr(transparent)]
pub struct Gc<'gc, T: Referent + ?Sized> {
    /// The address of the object (see `object::layout`).
    address: NonNull<u8>,
    /// Behaves as a `&'gc T`; the raw pointer keeps it on its thread.
    borrow: PhantomData<(&'gc T, *const ())>,
}

impl<'gc, T: Referent + ?Sized> Gc<'gc, T> {
    /// # Safety
    ///
    /// `address` is the address of an object of type `T` that lives for `'gc` ([gc.live]).
    #[inline(always)]
    pub(crate) unsafe fn from_address(address: NonNull<u8>) -> Self {
        Self { address, borrow: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn address(self) -> NonNull<u8> {
        self.address
    }

    /// Returns whether both point to the same object.
    ///
    /// A program cannot keep an object's address to compare it later, because objects move. Two
    /// pointers to one object are equal by this test at every moment.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let (a, b) = (m.alloc(1), m.alloc(1));
    /// assert!(Gc::ptr_eq(a, a) && !Gc::ptr_eq(a, b));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.address == other.address
    }
}

impl<'gc, T: Object + ?Sized> Gc<'gc, T> {
    /// Returns the object, borrowed until the next safepoint rather than for as long as this copy
    /// of the pointer.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Mutator};
    /// fn text<'gc>(m: &'gc Mutator) -> &'gc str {
    ///     Gc::as_ref(m.alloc_str("kept until the next safepoint"))
    /// }
    /// assert!(text(&m).starts_with("kept"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[expect(clippy::should_implement_trait, reason = "`AsRef` could not return the longer borrow")]
    #[must_use]
    pub fn as_ref(this: Self) -> &'gc T {
        // SAFETY: [gc.live]: a live object of type `T`.
        let object = unsafe { T::at_address(this.address) };
        // SAFETY: the object lives for `'gc` ([gc.live]). No exclusive reference to it exists while a mutator runs: only cells
        // hand out `&mut`, to what is inside their `UnsafeCell`.
        unsafe { object.as_ref() }
    }
}

impl<T: Referent + ?Sized> Clone for Gc<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized> Copy for Gc<'_, T> {}

impl<T: Object + ?Sized> Deref for Gc<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        Gc::as_ref(*self)
    }
}

impl<T: Object + ?Sized + fmt::Debug> fmt::Debug for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: Object + ?Sized + fmt::Display> fmt::Display for Gc<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

// SAFETY: one address under every lifetime; the address is reported.
unsafe impl<T: Object + ?Sized> Trace for Gc<'_, T> {
    type At<'a> = Gc<'a, T::At<'a>>;
    type Static = Gc<'static, T::Static>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::OBJECT_MISPLACES_CELL;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller passes a valid `Gc`, which is one address. So `this` points to a pointer slot.
        unsafe { visitor.pointer_slot(this.cast::<PointerSlot>()) }
    }
}
