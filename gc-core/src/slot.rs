//! `Slot`: a mutable pointer field, one word, null or an object.
//!
//! Loads are Acquire and stores are Release. So a thread that reads a pointer which another mutator
//! published sees the object's header and value as that mutator wrote them before. Every store goes
//! through [`crate::barrier`].

use core::{fmt, marker::PhantomData, ptr, ptr::NonNull, sync::atomic::Ordering};

use crate::{
    Gc, Mutator,
    object::PointerSlot,
    trace::{Object, Referent, Trace, Visitor},
};

/// A mutable pointer field of a traced type: null, or a [`Gc`]. One word, lock-free, with its write
/// barrier built in.
///
/// Reading is a plain load. Writing takes the mutator, for the barrier: 9 instructions on its fast
/// path. If the slot is in an old object, a young value that replaces null or an old one puts the
/// slot into the remembered set, for the next collection. While the old generation is being marked,
/// the barrier may also log the old value.
///
/// Several threads may use a slot at once. A load is Acquire and a store is Release, so a thread
/// that loads a pointer sees the whole object.
///
/// A slot must lie inline in its object: a type that has one in a `Vec`, a `Box` or a
/// [`GcCell`](crate::GcCell) does not compile when it is allocated. Elsewhere, on the stack for
/// instance, a slot is an ordinary value that borrows the mutator.
///
/// ```
/// use gc_core::{Gc, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Node<'gc> { value: u64, next: Slot<'gc, Node<'gc>> }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let tail = m.alloc(Node { value: 2, next: Slot::null() });
/// let head = m.alloc(Node { value: 1, next: Slot::null() });
/// head.next.set(&m, Some(tail));
/// assert_eq!(head.next.get().map(|n| n.value), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
#[doc(alias = "Cell")]
pub struct Slot<'gc, T: Referent + ?Sized> {
    pointer_slot: PointerSlot,
    /// Makes the slot invariant in both parameters, as any mutable place is; and neither `Send` nor
    /// `Sync`.
    place: PhantomData<*mut Gc<'gc, T>>,
}

impl<'gc, T: Referent + ?Sized> Slot<'gc, T> {
    /// Returns a slot that holds `value`. Initialising needs no barrier.
    ///
    /// ```
    /// # use gc_core::Slot;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let slot = Slot::new(Some(m.alloc(1)));
    /// assert_eq!(slot.get().as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub const fn new(value: Option<Gc<'gc, T>>) -> Self {
        // `Option<Gc>` is one word with null for `None`: the match compiles to nothing.
        let address = match value {
            // SAFETY: a `Gc` is a `Copy` value of one word, transparent over the address that is read.
            Some(gc) => unsafe { core::mem::transmute_copy::<Gc<'gc, T>, *mut u8>(&gc) },
            None => ptr::null_mut(),
        };
        Self { pointer_slot: PointerSlot::new(address), place: PhantomData }
    }

    /// Returns an empty slot.
    ///
    /// ```
    /// assert!(gc_core::Slot::<u64>::null().get().is_none());
    /// ```
    #[inline(always)]
    #[must_use]
    pub const fn null() -> Self {
        Self::new(None)
    }

    /// Returns what the slot holds now. A plain load on x86-64 (Acquire).
    ///
    /// ```
    /// # use gc_core::{Gc, Slot, Trace};
    /// # #[derive(Trace)]
    /// # struct Node<'gc> { value: u64, next: Slot<'gc, Node<'gc>> }
    /// fn len(mut list: Option<Gc<Node>>) -> usize {
    ///     let mut len = 0;
    ///     while let Some(node) = list {
    ///         len += 1;
    ///         list = node.next.get();
    ///     }
    ///     len
    /// }
    /// assert_eq!(len(None), 0);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> Option<Gc<'gc, T>> {
        let address = self.pointer_slot.get();
        // SAFETY: a slot holds null or the address of an object of type `T`. The object is reachable, so it lives for `'gc`.
        unsafe { option(address) }
    }

    /// Stores `value` (Release), through the write barrier.
    ///
    /// ```
    /// # use gc_core::Slot;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cells = m.alloc_slice_with(2, |_| Slot::null());
    /// cells[0].set(&m, Some(m.alloc(1)));
    /// cells[0].set(&m, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn set(&self, mutator: &'gc Mutator, value: Option<Gc<'gc, T>>) {
        mutator.store(&self.pointer_slot, address(value));
    }

    /// Stores `value` through the write barrier, and returns what was there. Atomic: of two swaps
    /// that race, each returns the value that it replaced.
    ///
    /// ```
    /// # use gc_core::Slot;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let slot = Slot::from(m.alloc(1));
    /// assert_eq!(slot.swap(&m, Some(m.alloc(2))).as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn swap(&self, mutator: &'gc Mutator, value: Option<Gc<'gc, T>>) -> Option<Gc<'gc, T>> {
        let old = mutator.swap(&self.pointer_slot, address(value));
        // SAFETY: as for `get`.
        unsafe { option(old) }
    }

    /// Stores `value` through the write barrier, and returns what was there, in two steps: what
    /// another thread stores in between is lost. For slots that one thread writes: it costs what
    /// [`get`](Self::get) and [`set`](Self::set) do.
    ///
    /// ```
    /// # use gc_core::Slot;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let slot = Slot::from(m.alloc(1));
    /// assert_eq!(slot.replace(&m, None).as_deref(), Some(&1));
    /// assert!(slot.get().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn replace(&self, mutator: &'gc Mutator, value: Option<Gc<'gc, T>>) -> Option<Gc<'gc, T>> {
        let old = self.get();
        self.set(mutator, value);
        old
    }

    /// Empties the slot and returns what was there: [`swap`](Self::swap) with `None`.
    ///
    /// ```
    /// # use gc_core::Slot;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let slot = Slot::from(m.alloc(1));
    /// assert!(slot.take(&m).is_some() && slot.take(&m).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn take(&self, mutator: &'gc Mutator) -> Option<Gc<'gc, T>> {
        self.swap(mutator, None)
    }

    /// Stores `new` through the write barrier if the slot holds `current`, by identity. Returns
    /// `current` then. Atomic, and never fails spuriously.
    ///
    /// # Errors
    ///
    /// Returns what the slot holds if that is not `current`; nothing is stored.
    ///
    /// ```
    /// # use gc_core::{Gc, Slot};
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let (a, b) = (m.alloc(1), m.alloc(2));
    /// let slot = Slot::new(Some(a));
    /// assert!(slot.compare_exchange(&m, None, Some(b)).is_err());
    /// assert!(slot.compare_exchange(&m, Some(a), Some(b)).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn compare_exchange(
        &self,
        mutator: &'gc Mutator,
        current: Option<Gc<'gc, T>>,
        new: Option<Gc<'gc, T>>,
    ) -> Result<Option<Gc<'gc, T>>, Option<Gc<'gc, T>>> {
        match mutator.compare_exchange(&self.pointer_slot, address(current), address(new)) {
            Ok(_) => Ok(current),
            // SAFETY: as for `get`.
            Err(found) => Err(unsafe { option(found) }),
        }
    }
}

#[inline(always)]
fn address<T: Referent + ?Sized>(value: Option<Gc<'_, T>>) -> *mut u8 {
    value.map_or(ptr::null_mut(), |gc| gc.address().as_ptr())
}

/// # Safety
///
/// `address` is null or the address of an object of type `T` that lives for `'gc`.
#[inline(always)]
unsafe fn option<'gc, T: Referent + ?Sized>(address: *mut u8) -> Option<Gc<'gc, T>> {
    // SAFETY: the caller's duty is that of `from_address`.
    NonNull::new(address).map(|address| unsafe { Gc::from_address(address) })
}

impl<T: Referent + ?Sized> Default for Slot<'_, T> {
    fn default() -> Self {
        Self::null()
    }
}

impl<'gc, T: Referent + ?Sized> From<Gc<'gc, T>> for Slot<'gc, T> {
    fn from(value: Gc<'gc, T>) -> Self {
        Self::new(Some(value))
    }
}

impl<'gc, T: Referent + ?Sized> From<Option<Gc<'gc, T>>> for Slot<'gc, T> {
    fn from(value: Option<Gc<'gc, T>>) -> Self {
        Self::new(value)
    }
}

/// Prints the type and the address only, so that printing a cyclic structure ends.
impl<T: Referent + ?Sized> fmt::Debug for Slot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: the address is printed, never followed.
        let address = self.pointer_slot.load(Ordering::Relaxed);
        let name = core::any::type_name::<T>();
        if address.is_null() { write!(f, "Slot<{name}>(null)") } else { write!(f, "Slot<{name}>({address:p})") }
    }
}

// SAFETY: one word under every lifetime; it is reported as a pointer slot; `HAS_CELL` says that it is a cell ([trace.cells-inline]).
unsafe impl<T: Object + ?Sized> Trace for Slot<'_, T> {
    type At<'a> = Slot<'a, T::At<'a>>;
    type Static = Slot<'static, T::Static>;
    const HAS_CELL: bool = true;
    const MISPLACES_CELL: bool = T::OBJECT_MISPLACES_CELL;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller passes a valid `Slot`, which is one pointer slot (`repr(transparent)`).
        unsafe { visitor.pointer_slot(this.cast::<PointerSlot>()) }
    }
}
