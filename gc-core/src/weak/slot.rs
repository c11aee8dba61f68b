//! `WeakSlot`: a weak reference that changes, as a field.

use core::{fmt, marker::PhantomData};

use crate::{
    Gc, Mutator, Slot,
    registered::WeakCell,
    trace::{Object, Referent, Trace, Visitor},
};

use super::Weak;

/// A mutable weak field of a traced type: to [`Weak`] what [`Slot`] is to [`Gc`]. One word,
/// lock-free, with its write barrier built in.
///
/// ```
/// use gc_core::{Gc, Trace, Weak, WeakSlot};
///
/// #[derive(Trace)]
/// struct Observer<'gc> { subject: WeakSlot<'gc, str> }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let observer = m.alloc(Observer { subject: WeakSlot::dangling() });
/// let subject = m.alloc_str("the weather");
/// observer.subject.set(&m, Gc::downgrade(subject, &m));
/// assert_eq!(observer.subject.get().upgrade(&m).as_deref(), Some("the weather"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct WeakSlot<'gc, T: Referent + ?Sized> {
    /// To the weak cell.
    slot: Slot<'gc, WeakCell>,
    target: PhantomData<*mut Weak<'gc, T>>,
}

impl<'gc, T: Referent + ?Sized> WeakSlot<'gc, T> {
    /// Returns a slot that holds `value`. Initialising needs no barrier.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, WeakSlot};
    /// let slot = WeakSlot::new(Gc::downgrade(m.alloc(1), &m));
    /// assert!(slot.get().upgrade(&m).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(value: Weak<'gc, T>) -> Self {
        Self { slot: Slot::new(value.to_gc()), target: PhantomData }
    }

    /// Returns a slot that holds [`Weak::dangling`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::WeakSlot::<str>::dangling().get().is_dead(&m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn dangling() -> Self {
        Self { slot: Slot::null(), target: PhantomData }
    }

    /// Returns what the slot holds now. A plain load on x86-64 (Acquire).
    ///
    /// ```
    /// # use gc_core::{Weak, WeakSlot};
    /// assert_eq!(WeakSlot::<u64>::dangling().get(), Weak::dangling());
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> Weak<'gc, T> {
        Weak::from_gc(self.slot.get())
    }

    /// Stores `value` (Release), through the write barrier.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Weak, WeakSlot};
    /// let slots = m.alloc_slice_with(2, |_| WeakSlot::dangling());
    /// slots[0].set(&m, Gc::downgrade(m.alloc(1), &m));
    /// slots[0].set(&m, Weak::dangling());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn set(&self, mutator: &'gc Mutator, value: Weak<'gc, T>) {
        self.slot.set(mutator, value.to_gc());
    }

    /// Stores `value` through the write barrier, and returns what was there. Atomic.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Weak, WeakSlot};
    /// let slot = WeakSlot::new(Gc::downgrade(m.alloc(1), &m));
    /// assert_eq!(slot.swap(&m, Weak::dangling()).upgrade(&m).as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn swap(&self, mutator: &'gc Mutator, value: Weak<'gc, T>) -> Weak<'gc, T> {
        Weak::from_gc(self.slot.swap(mutator, value.to_gc()))
    }
}

impl<'gc, T: Referent + ?Sized> Weak<'gc, T> {
    fn to_gc(self) -> Option<Gc<'gc, WeakCell>> {
        // SAFETY: [weak.cell].
        self.address().map(|cell| unsafe { Gc::from_address(cell) })
    }

    fn from_gc(cell: Option<Gc<'gc, WeakCell>>) -> Self {
        // SAFETY: only the cells of weak references to a `T` are stored in a `WeakSlot` of `T`.
        unsafe { Self::at(cell.map(Gc::address)) }
    }
}

impl<T: Referent + ?Sized> Default for WeakSlot<'_, T> {
    fn default() -> Self {
        Self::dangling()
    }
}

impl<'gc, T: Referent + ?Sized> From<Weak<'gc, T>> for WeakSlot<'gc, T> {
    fn from(value: Weak<'gc, T>) -> Self {
        Self::new(value)
    }
}

impl<T: Referent + ?Sized> fmt::Debug for WeakSlot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakSlot({:?})", self.get())
    }
}

// SAFETY: a slot, which reports itself.
unsafe impl<T: Object + ?Sized> Trace for WeakSlot<'_, T> {
    type At<'a> = WeakSlot<'a, T::At<'a>>;
    type Static = WeakSlot<'static, T::Static>;
    const HAS_CELL: bool = true;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller passes a valid `WeakSlot`, which is a slot (`repr(transparent)`).
        unsafe { Slot::trace(this.cast::<Slot<'_, WeakCell>>(), visitor) }
    }
}
