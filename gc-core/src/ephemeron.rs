//! `Ephemeron`: a pointer to a pair whose value lives only as long as its key.
//!
//! - **[ephemeron.key-flag]** The key has [`Flag::Key`] before the pair is reachable from anything.
//!   So the collector finds the flag in every object for which a pair may wait.

use core::{fmt, marker::PhantomData, ptr::NonNull};

use crate::{
    AllocError, Gc, Mutator,
    object::{EphemeronPair, Flag, Header, PointerSlot, WatchedPair},
    trace::{Object, Referent, Trace, Visitor},
};

/// A pointer to a pair of a key and a value. The value lives only while the key *and* the ephemeron
/// do: one word, `Copy`.
///
/// The key is not kept alive by the ephemeron, and nor is it by its own value, whatever that holds:
/// that is what a weak key and a strong value, as in a map with weak keys, cannot do (Hayes:
/// *Ephemerons: a new finalization mechanism*, 1997). So data can be attached to an object that
/// knows nothing of them, and goes when the object goes. Chains and cycles of ephemerons are right:
/// a key that only other ephemerons' values reach lives if one of these values does.
///
/// When a collection finds the key dead, it clears the ephemeron: both pointers are `None` from
/// then on, in all copies, and before anything that died with the key is finalized. When that is
/// depends on the generations: a young key is found dead by the next collection, an old one by the
/// next major (full) cycle.
///
/// An ephemeron is immutable. It may be a field of a traced type, an element of a `Vec`, a
/// [`Root`](crate::Root) or a part of one, and, in a [`GcCell`](crate::GcCell), be replaced by
/// another one.
///
/// Each costs an object of 4 words, and each collection of its generation time in proportion to the
/// ephemerons that it traces, whatever the order in which they depend on each other.
///
/// ```
/// use gc_core::{Collect, Ephemeron, Heap};
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let object = m.root(m.alloc_str("an object"));
/// let notes = m.root(Ephemeron::new(&m, object.get(&m), m.alloc_str("what is noted of it")));
/// m.collect(Collect::Full);
/// assert_eq!(notes.get(&m).value(&m).as_deref(), Some("what is noted of it"));
///
/// drop(object);
/// m.collect(Collect::Full);
/// assert!(notes.get(&m).is_dead(&m));
/// assert!(notes.get(&m).value(&m).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Ephemeron<'gc, K: Referent + ?Sized, V: Referent + ?Sized> {
    pair: Gc<'gc, EphemeronPair>,
    types: PhantomData<(Gc<'gc, K>, Gc<'gc, V>)>,
}

impl<'gc, K: Object + ?Sized, V: Object + ?Sized> Ephemeron<'gc, K, V> {
    /// Returns an ephemeron of a key and a value. Allocates 4 words.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`] does, when memory has run out.
    ///
    /// ```
    /// # use gc_core::{Ephemeron, Gc};
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let (key, value) = (m.alloc(1), m.alloc_str("one"));
    /// let ephemeron = Ephemeron::new(&m, key, value);
    /// assert!(ephemeron.key(&m).is_some_and(|found| Gc::ptr_eq(found, key)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn new(mutator: &'gc Mutator, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Self {
        Self::of(mutator.alloc_young(EphemeronPair::new(key.address(), value.address())), key)
    }

    /// Returns an ephemeron of a key and a value, if there is memory for it.
    ///
    /// # Errors
    ///
    /// As for [`Mutator::try_alloc`]: at the hard limit, or if the system refuses memory.
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let ephemeron = Ephemeron::try_new(&m, m.alloc(1), m.alloc(2))?;
    /// assert_eq!(ephemeron.value(&m).as_deref(), Some(&2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn try_new(mutator: &'gc Mutator, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Result<Self, AllocError<()>> {
        match mutator.try_alloc_young(EphemeronPair::new(key.address(), value.address())) {
            Ok(pair) => Ok(Self::of(pair, key)),
            Err(error) => Err(AllocError { value: (), refused: error.refused }),
        }
    }

    #[inline]
    fn of(pair: Gc<'gc, EphemeronPair>, key: Gc<'gc, K>) -> Self {
        // SAFETY: a live object has a header, which is not forwarded while a mutator runs.
        let header = unsafe { Header::of(key.address().as_ptr()) };
        // SAFETY: as above.
        if !unsafe { header.has(Flag::Key) } {
            // SAFETY: as above. [ephemeron.key-flag]: no other code has the pair yet.
            unsafe { header.raise(Flag::Key) };
        }
        Self { pair, types: PhantomData }
    }

    /// Returns the key, or `None` once a collection has found it dead. It lives until the next
    /// safepoint at least.
    ///
    /// Costs two loads and a test. While the old generation is being marked, what is read counts as
    /// reachable when marking began, as with every pointer that a program reads and then removes;
    /// so it lives until the cycle after that.
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let ephemeron = Ephemeron::new(&m, m.alloc(1), m.alloc(2));
    /// assert_eq!(ephemeron.key(&m).as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn key(self, mutator: &'gc Mutator) -> Option<Gc<'gc, K>> {
        let key = mutator.local().barrier.read_weak(&Gc::as_ref(self.pair).key)?;
        // SAFETY: `new` has stored the address of a `K`, and the barrier found it alive, so it is until the next safepoint.
        Some(unsafe { Gc::from_address(key) })
    }

    /// Returns the value, or `None` once a collection has found the key dead. It lives until the
    /// next safepoint at least. Costs as much as [`key`](Self::key).
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let ephemeron = Ephemeron::new(&m, m.alloc(1), m.alloc(2));
    /// assert_eq!(ephemeron.value(&m).as_deref(), Some(&2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn value(self, mutator: &'gc Mutator) -> Option<Gc<'gc, V>> {
        if self.is_dead(mutator) {
            return None;
        }
        // What a live key's ephemeron holds is alive: marked, while words are being cleared.
        let value = mutator.local().barrier.read_weak(&Gc::as_ref(self.pair).value)?;
        // SAFETY: `new` has stored the address of a `V`, and the barrier found it alive, so it is until the next safepoint.
        Some(unsafe { Gc::from_address(value) })
    }

    /// Returns key and value, or `None` once a collection has found the key dead.
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let ephemeron = Ephemeron::new(&m, m.alloc(1), m.alloc_str("one"));
    /// assert!(ephemeron.get(&m).is_some_and(|(key, value)| *key == 1 && &*value == "one"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get(self, mutator: &'gc Mutator) -> Option<(Gc<'gc, K>, Gc<'gc, V>)> {
        Some((self.key(mutator)?, self.value(mutator)?))
    }

    /// Returns whether a collection has found the key dead. Unlike [`key`](Self::key) this keeps
    /// nothing alive: a sweep over a table for what is dead does not lengthen the life of what is
    /// not.
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let ephemeron = Ephemeron::new(&m, m.alloc(1), m.alloc(2));
    /// assert!(!ephemeron.is_dead(&m));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn is_dead(self, mutator: &'gc Mutator) -> bool {
        !mutator.local().barrier.is_weak_alive(&Gc::as_ref(self.pair).key)
    }

    /// Returns whether both are the same ephemeron: copies of what one call of [`new`](Self::new)
    /// returned.
    ///
    /// ```
    /// # use gc_core::Ephemeron;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let (key, value) = (m.alloc(1), m.alloc(2));
    /// let ephemeron = Ephemeron::new(&m, key, value);
    /// assert!(Ephemeron::ptr_eq(ephemeron, ephemeron));
    /// assert!(!Ephemeron::ptr_eq(ephemeron, Ephemeron::new(&m, key, value)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        Gc::ptr_eq(this.pair, other.pair)
    }
}

impl<K: Referent + ?Sized, V: Referent + ?Sized> Clone for Ephemeron<'_, K, V> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Referent + ?Sized, V: Referent + ?Sized> Copy for Ephemeron<'_, K, V> {}

/// Prints the types, and whether the ephemeron is cleared. Reads no key or value.
impl<K: Referent + ?Sized, V: Referent + ?Sized> fmt::Debug for Ephemeron<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if NonNull::new(self.pair.key.get()).is_some() { "" } else { "cleared" };
        let (key, value) = (core::any::type_name::<K>(), core::any::type_name::<V>());
        write!(f, "Ephemeron<{key}, {value}>({state})")
    }
}

// SAFETY: one address under every lifetime; it is reported.
unsafe impl<K: Object + ?Sized, V: Object + ?Sized> Trace for Ephemeron<'_, K, V> {
    type At<'a> = Ephemeron<'a, K::At<'a>, V::At<'a>>;
    type Static = Ephemeron<'static, K::Static, V::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V2: Visitor>(this: *mut Self, visitor: &mut V2) {
        // SAFETY: the caller passes a valid ephemeron, which is one `Gc` (`repr(transparent)`).
        unsafe { <Gc<'_, EphemeronPair> as Trace>::trace(this.cast(), visitor) }
    }
}

impl<'gc, K: Object + ?Sized, V: Object + ?Sized> Ephemeron<'gc, K, V> {
    /// Returns the ephemeron of an entry of a weak table, which is told when it is cleared
    /// ([pair.watched]).
    pub(crate) fn of_table<T: Object>(
        memory: impl FnOnce(WatchedPair) -> Result<Gc<'gc, WatchedPair>, AllocError<WatchedPair>>,
        (key, value): (Gc<'gc, K>, Gc<'gc, V>),
        (table, hash): (Gc<'gc, T>, u32),
    ) -> Result<Self, AllocError<()>> {
        let pair = EphemeronPair::new(key.address(), value.address());
        let table = PointerSlot::new(table.address().as_ptr());
        match memory(WatchedPair { pair, table, hash }) {
            // SAFETY: a watched pair begins with a pair.
            Ok(pair) => Ok(Self::of(unsafe { Gc::from_address(pair.address()) }, key)),
            Err(error) => Err(AllocError { value: (), refused: error.refused }),
        }
    }

    /// Returns whether `key` is the key. Keeps nothing alive.
    #[inline(always)]
    pub(crate) fn is_of(self, key: Gc<'gc, K>) -> bool {
        // The key is alive, as the caller has it: so the address of a dead one, which may not be cleared yet, is another one.
        core::ptr::eq(Gc::as_ref(self.pair).key.get(), key.address().as_ptr())
    }

    /// Returns whether the keys of both are the same, or both are cleared. Keeps nothing alive.
    #[inline(always)]
    pub(crate) fn is_like(self, other: Self) -> bool {
        core::ptr::eq(Gc::as_ref(self.pair).key.get(), Gc::as_ref(other.pair).key.get())
    }

    /// Returns the address of the pair.
    pub(crate) fn address(self) -> NonNull<u8> {
        self.pair.address()
    }
}

// SAFETY: no lifetime; both pointers are reported, as a pair, and the third as one. `HAS_CELL`: mutators do not write it.
unsafe impl Trace for WatchedPair {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller's: a valid pair, which is an object of its own, because no type has one as a field, and begins with the part that all have.
        unsafe { visitor.ephemeron(this.cast()) };
        // SAFETY: as above; a pointer field.
        unsafe { visitor.pointer_slot(&raw mut (*this).table) };
    }
}

// SAFETY: no lifetime; both pointers are reported, as a pair. `HAS_CELL`: mutators do not write it.
unsafe impl Trace for EphemeronPair {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller's: a valid pair, which is an object of its own, because no type has one as a field.
        unsafe { visitor.ephemeron(this) }
    }
}
