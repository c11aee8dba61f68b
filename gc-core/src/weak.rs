//! Weak references: pointers that do not keep their object alive.
//!
//! - **[weak.cell]** The word is null, or the address of a weak cell: a live object, as for any
//!   pointer ([gc.live]).
//! - **[weak.target]** What a weak cell points to is an object of the weak reference's type: the
//!   cell was made for that object, and is cleared before its memory is used again
//!   ([registered.no-ghosts]).

mod slot;

use core::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    ptr,
    ptr::NonNull,
};

pub use slot::WeakSlot;

use crate::{
    AllocError, Gc, Mutator,
    collector::type_info::WEAK_CELL,
    object::{Flag, Header, PointerSlot},
    registered::WeakCell,
    trace::{Object, Referent, Trace, Visitor},
};

/// A pointer to an object that does not keep it alive: one word, `Copy`.
///
/// Made by [`Gc::downgrade`]. [`upgrade`](Self::upgrade) returns the object while it is alive. An
/// object is dead from the moment at which a collection finds that nothing else leads to it: all
/// its weak references become dead together, and stay so, also if it is finalized and the program
/// keeps it. An object without weak references pays nothing for them; the first one costs an object
/// of 24 bytes and an entry of about 70 bytes in a table of the heap.
///
/// It may be a field, part of a container, and in a [`Root`](crate::Root), like a [`Gc`]. A field
/// that changes is a [`WeakSlot`].
///
/// Weak references are compared and hashed by the identity of their target, also when it is dead.
/// Two of them that were made from one object are equal, unless the first was dead when the second
/// was made. All dangling ones are equal.
///
/// ```
/// use gc_core::{Collect, Gc, Slot, Trace, WeakSlot};
///
/// #[derive(Trace)]
/// struct Child<'gc> { parent: WeakSlot<'gc, Parent<'gc>> }
/// #[derive(Trace)]
/// struct Parent<'gc> { child: Slot<'gc, Child<'gc>> }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let parent = m.alloc(Parent { child: Slot::null() });
/// let child = m.alloc(Child { parent: WeakSlot::new(Gc::downgrade(parent, &m)) });
/// parent.child.set(&m, Some(child));
/// assert!(child.parent.get().upgrade(&m).is_some());
///
/// let child = m.root(child);
/// m.collect(Collect::Young);
/// assert!(child.get(&m).parent.get().upgrade(&m).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Weak<'gc, T: Referent + ?Sized> {
    /// [weak.cell].
    cell: *mut WeakCell,
    target: PhantomData<(&'gc T, *const ())>,
}

impl<'gc, T: Object + ?Sized> Gc<'gc, T> {
    /// Returns a weak reference to the object.
    ///
    /// The first one of an object allocates a weak cell; the others take some tens of nanoseconds.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`] does, if the first one finds no memory.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let name = m.alloc_str("Ada");
    /// let weak = Gc::downgrade(name, &m);
    /// assert_eq!(weak.upgrade(&m).as_deref(), Some("Ada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "weak")]
    #[must_use]
    pub fn downgrade(this: Self, mutator: &'gc Mutator) -> Weak<'gc, T> {
        // SAFETY: the cell is made just now, and nothing leads to it.
        unsafe { this.weak(mutator, || mutator.as_weak_cell(mutator.alloc_young(WeakCell::unused()))) }
    }

    /// Returns a weak reference to the object: [`downgrade`](Self::downgrade) for a program that
    /// goes on when memory runs out.
    ///
    /// # Errors
    ///
    /// [`AllocError`], if the first one finds no memory.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let object = m.alloc(1);
    /// assert_eq!(Gc::try_downgrade(object, &m)?, Gc::downgrade(object, &m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_downgrade(this: Self, mutator: &'gc Mutator) -> Result<Weak<'gc, T>, AllocError<()>> {
        if mutator.local().collector.registered.with_existing(this.address(), |entry| entry.cell.is_some())
            == Some(true)
        {
            // If the concurrent thread forgets the cell just now, another one is made.
            return Ok(Self::downgrade(this, mutator));
        }
        let made = match mutator.try_alloc_young(WeakCell::unused()) {
            Ok(cell) => mutator.as_weak_cell(cell),
            Err(AllocError { refused, .. }) => return Err(AllocError { value: (), refused }),
        };
        // SAFETY: the cell was made just now, and nothing leads to it.
        Ok(unsafe { this.weak(mutator, || made) })
    }

    /// # Safety
    ///
    /// Nothing leads to the weak cell that `make` returns.
    unsafe fn weak(self, mutator: &'gc Mutator, make: impl FnOnce() -> NonNull<WeakCell>) -> Weak<'gc, T> {
        let (local, object) = (mutator.local(), self.address());
        let (table, generations) = (&local.collector.registered, local.collector.generations());
        let keep = |cell: NonNull<WeakCell>| local.barrier.keep(cell.cast());
        // SAFETY: an object that this thread has in hand; the rest is the caller's.
        let cell = unsafe { table.weak_cell(generations, object, keep, make) };
        // SAFETY: the cell of the object, which is kept.
        unsafe { Weak::at(Some(cell.cast())) }
    }
}

impl<'gc, T: Referent + ?Sized> Weak<'gc, T> {
    /// Returns a weak reference that never had an object.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::Weak::<u64>::dangling().upgrade(&m).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[doc(alias = "new")]
    #[must_use]
    pub const fn dangling() -> Self {
        Self { cell: ptr::null_mut(), target: PhantomData }
    }

    /// Returns the address of the weak cell, or `None` for a dangling one.
    #[inline(always)]
    fn address(self) -> Option<NonNull<u8>> {
        NonNull::new(self.cell.cast())
    }

    /// # Safety
    ///
    /// The address is that of a weak cell that was made for a `T`, and lives for `'gc`.
    #[inline(always)]
    unsafe fn at(cell: Option<NonNull<u8>>) -> Self {
        Self { cell: cell.map_or(ptr::null_mut(), |cell| cell.as_ptr().cast()), target: PhantomData }
    }

    #[inline(always)]
    fn cell(self) -> Option<&'gc WeakCell> {
        // SAFETY: [weak.cell].
        unsafe { self.cell.as_ref() }
    }

    /// Returns the object, if it is alive. Takes about a nanosecond; while the old generation is
    /// being marked, some more.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{Collect, Gc};
    /// let weak = m.root(Gc::downgrade(m.alloc(7), &m));
    /// assert_eq!(weak.get(&m).upgrade(&m).as_deref(), Some(&7));
    /// m.collect(Collect::Young);
    /// assert!(weak.get(&m).upgrade(&m).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn upgrade(self, mutator: &'gc Mutator) -> Option<Gc<'gc, T>> {
        let target = mutator.local().barrier.read_weak(self.cell()?.target())?;
        // SAFETY: [weak.target]: an object of this type. It lives until the next safepoint ([weak-mode.pauses]).
        Some(unsafe { Gc::from_address(target) })
    }

    /// Returns whether the object is dead, or never was. A `false` may be wrong from the next
    /// safepoint on.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Weak};
    /// let object = m.alloc(1);
    /// assert!(!Gc::downgrade(object, &m).is_dead(&m) && Weak::<u64>::dangling().is_dead(&m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_dead(self, mutator: &Mutator) -> bool {
        self.cell().is_none_or(|cell| !mutator.local().barrier.is_weak_alive(cell.target()))
    }

    /// Returns the identity of the object, dead or alive: what [`Gc::id`] returns or would return.
    /// `None` for a dangling one.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let object = m.alloc(1);
    /// assert_eq!(Gc::downgrade(object, &m).id(), Some(Gc::id(object, &m)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(self) -> Option<u64> {
        self.cell().map(WeakCell::tell_id)
    }

    /// Returns whether both were made from one object: see [`Weak`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, Weak};
    /// let object = m.alloc(1);
    /// assert!(Weak::ptr_eq(Gc::downgrade(object, &m), Gc::downgrade(object, &m)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        ptr::eq(this.cell, other.cell)
    }
}

impl Mutator {
    /// Makes a weak cell of an object that was allocated just now: it is known as one, and has the
    /// flag.
    fn as_weak_cell(&self, cell: Gc<'_, WeakCell>) -> NonNull<WeakCell> {
        let cell = cell.address();
        // SAFETY: an object that was made just now.
        let header = unsafe { Header::of(cell.as_ptr()) };
        // SAFETY: the header of an object that was made just now, of the same shape.
        unsafe { header.write_info(&WEAK_CELL) };
        // SAFETY: as above.
        unsafe { header.raise(Flag::Registered) };
        cell.cast()
    }
}

impl<T: Referent + ?Sized> Clone for Weak<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized> Copy for Weak<'_, T> {}

impl<T: Referent + ?Sized> Default for Weak<'_, T> {
    fn default() -> Self {
        Self::dangling()
    }
}

impl<T: Referent + ?Sized> PartialEq for Weak<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        Weak::ptr_eq(*self, *other)
    }
}

impl<T: Referent + ?Sized> Eq for Weak<'_, T> {}

impl<T: Referent + ?Sized> Hash for Weak<'_, T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Not told: it is the same for as long as a weak reference leads to the cell.
        self.cell().map(WeakCell::id).hash(state);
    }
}

/// Prints the type and the identity.
impl<T: Referent + ?Sized> fmt::Debug for Weak<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = core::any::type_name::<T>();
        match self.id() {
            Some(id) => write!(f, "Weak<{name}>(#{id})"),
            None => write!(f, "Weak<{name}>(dangling)"),
        }
    }
}

// SAFETY: one word under every lifetime: null or the address of an object, the weak cell, which is reported.
unsafe impl<T: Object + ?Sized> Trace for Weak<'_, T> {
    type At<'a> = Weak<'a, T::At<'a>>;
    type Static = Weak<'static, T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller passes a valid `Weak`, which is one word. So `this` points to a pointer slot.
        unsafe { visitor.pointer_slot(this.cast::<PointerSlot>()) }
    }
}
