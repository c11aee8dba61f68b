//! `Later`: a pointer to an object that is being made, for its own fields.
//!
//! A `Later` is the address of a small object that holds one slot. `Mutator::alloc_cyclic` makes
//! that object first, with an empty slot, then runs the closure, and stores the address of the new
//! object in the slot through the write barrier. To the collector both are objects as any other,
//! and a cycle of them is garbage as any other.
//!
//! # Invariants
//!
//! - **[later.set-once]** The slot is empty until the object is whole, and is stored to once, by
//!   the call that made it. A closure that panics leaves it empty. So a `Later` gives no object
//!   that is not whole; [slot.published-whole] makes this true on other threads.
//! - **[later.read-only]** A `Later` only reads the slot. So it may be covariant, as a `Gc` is,
//!   though a `Slot` may not.

use core::{fmt, marker::PhantomData, ptr::NonNull};

use crate::{
    Gc, Mutator, Slot,
    mutator::{AllocError, allocate::refuse},
    object::PointerSlot,
    trace::{Object, Referent, Trace, Visitor},
};

/// A pointer to an object that [`Mutator::alloc_cyclic`] makes: `None` until the object is there.
/// One word, `Copy`.
///
/// It is what a field has that never changes and leads back to its own object, or to one that is
/// made around it. It is as strong as a
/// [`Gc`]: what it leads to lives. An object that only leads to itself is garbage.
///
/// Reading it costs a load more than a [`Gc`], and a test. All that come from one call share an
/// object of 16 bytes. It has the lifetime and the variance of a [`Gc`], so a type with such a
/// field is not invariant, as one with a [`Slot`] is.
///
/// ```
/// use gc_core::{Gc, Later, Mutator, Trace};
///
/// #[derive(Trace)]
/// struct Class<'gc> {
///     name: Gc<'gc, str>,
///     class: Later<'gc, Class<'gc>>, // never changes
/// }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let class = m.alloc_cyclic(|class| Class { name: m.alloc_str("Class"), class });
/// let shape = m.alloc_cyclic(|_| Class { name: m.alloc_str("Shape"), class: class.class });
/// let of_shape = shape.class.get().expect("a class that is there");
/// assert!(Gc::ptr_eq(of_shape, class) && &*of_shape.name == "Class");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Later<'gc, T: Referent + ?Sized> {
    /// The address of an object of type `Slot<'gc, T>`.
    slot: NonNull<u8>,
    /// Behaves as a `&'gc T` ([later.read-only]); the address keeps it on its thread.
    borrow: PhantomData<&'gc T>,
}

impl<'gc, T: Referent + ?Sized> Later<'gc, T> {
    #[inline(always)]
    fn of(slot: Gc<'gc, Slot<'gc, T>>) -> Self {
        Self { slot: slot.address(), borrow: PhantomData }
    }

    /// Returns the object, or `None` if it is not there: while the closure runs that makes it, and
    /// for ever if that panicked.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let mut kept = None;
    /// let object = m.alloc_cyclic(|later| {
    ///     assert!(later.get().is_none());
    ///     kept = Some(later);
    ///     7
    /// });
    /// assert_eq!(kept.and_then(|later| later.get()).as_deref(), Some(&7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn get(self) -> Option<Gc<'gc, T>> {
        // SAFETY: the address is that of a live object ([gc.live]), which was made as a `Slot` of this type under another lifetime:
        // the same layout ([trace.layout]). It is only read here ([later.read-only]).
        let slot = unsafe { self.slot.cast::<Slot<'gc, T>>().as_ref() };
        slot.get()
    }

    /// Returns whether both come from the same call of [`alloc_cyclic`](Mutator::alloc_cyclic),
    /// whether or not the object is there.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Later;
    /// m.alloc_cyclic(|outer| {
    ///     m.alloc_cyclic(|inner| assert!(Later::ptr_eq(inner, inner) && !Later::ptr_eq(outer, inner)));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.slot == other.slot
    }
}

impl Mutator {
    /// Allocates an object that `make` returns, whose fields may lead back to it: `make` gets a
    /// [`Later`] of the object that it makes, and may store it in the value, in other objects and
    /// in roots.
    ///
    /// `make` may allocate, and may call this again: a tree whose nodes know their parents is made
    /// from the root down. If it panics, its [`Later`] stays empty, and the memory of the object is
    /// lost until the next collection. Costs two allocations, of which the other one is of 16
    /// bytes, and a store.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), before `make` is called.
    ///
    /// ```
    /// use gc_core::{Gc, Later, Mutator, Trace};
    ///
    /// #[derive(Trace)]
    /// struct Node<'gc> {
    ///     parent: Option<Later<'gc, Node<'gc>>>,
    ///     children: Gc<'gc, [Gc<'gc, Node<'gc>>]>,
    /// }
    ///
    /// fn tree<'gc>(m: &'gc Mutator, parent: Option<Later<'gc, Node<'gc>>>, height: usize) -> Gc<'gc, Node<'gc>> {
    ///     m.alloc_cyclic(|node| {
    ///         let children = m.alloc_slice_with(height, |_| tree(m, Some(node), height - 1));
    ///         Node { parent, children }
    ///     })
    /// }
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let root = tree(&m, None, 3);
    /// let parent = root.children[2].parent.and_then(|parent| parent.get());
    /// assert!(parent.is_some_and(|parent| Gc::ptr_eq(parent, root)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "new_cyclic")]
    #[inline]
    #[track_caller]
    pub fn alloc_cyclic<'gc, T: Trace<At<'gc> = T> + 'gc>(
        &'gc self,
        make: impl FnOnce(Later<'gc, T>) -> T,
    ) -> Gc<'gc, T> {
        self.make_cyclic::<true, T, _>(make).unwrap_or_else(|error| refuse(self.local(), error.refused))
    }

    /// Allocates as [`alloc_cyclic`](Self::alloc_cyclic) does, or gives the closure back.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc); `make` was not called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// heap.set_hard_limit(Some(0));
    /// let error = m.try_alloc_cyclic(|_| 7).unwrap_err();
    /// heap.set_hard_limit(None);
    /// assert_eq!(*m.try_alloc_cyclic(error.into_value())?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_cyclic<'gc, T: Trace<At<'gc> = T> + 'gc, F: FnOnce(Later<'gc, T>) -> T>(
        &'gc self,
        make: F,
    ) -> Result<Gc<'gc, T>, AllocError<F>> {
        self.make_cyclic::<false, T, F>(make)
    }

    #[inline]
    #[track_caller]
    fn make_cyclic<'gc, const INSIST: bool, T: Trace<At<'gc> = T> + 'gc, F: FnOnce(Later<'gc, T>) -> T>(
        &'gc self,
        make: F,
    ) -> Result<Gc<'gc, T>, AllocError<F>> {
        let slot = match self.make_with::<INSIST, Slot<'gc, T>, _>((), |()| Slot::null()) {
            Ok(slot) => slot,
            Err(AllocError { refused, .. }) => return Err(AllocError { value: make, refused }),
        };
        let object = self.make_with::<INSIST, T, F>(make, |make| make(Later::of(slot)))?;
        slot.set(self, Some(object));
        Ok(object)
    }
}

impl<T: Referent + ?Sized> Clone for Later<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized> Copy for Later<'_, T> {}

/// Prints the type and the address only, so that printing a cyclic structure ends.
impl<T: Referent + ?Sized> fmt::Debug for Later<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = core::any::type_name::<T>();
        match self.get() {
            Some(object) => write!(f, "Later<{name}>({:p})", object.address()),
            None => write!(f, "Later<{name}>(null)"),
        }
    }
}

// SAFETY: one address under every lifetime; the address is reported.
unsafe impl<T: Object + ?Sized> Trace for Later<'_, T> {
    type At<'a> = Later<'a, T::At<'a>>;
    type Static = Later<'static, T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller passes a valid `Later`, which is one address. So `this` points to a pointer slot.
        unsafe { visitor.pointer_slot(this.cast::<PointerSlot>()) }
    }
}
