//! The object of an ephemeron, a pair of a key and a value, and lists of such.
//!
//! - **[pair.immutable]** A mutator writes a pair when it makes it, and never again. The collector
//!   updates the two pointers of an object that moves, and clears both when the key is dead: the
//!   key first.
//! - **[pair.one-list]** A pair is in one list at a time at most, which links it through `next`:
//!   that of an evacuation, for what it has not decided or for a key ([threaded.headers]), or that
//!   of its key while the heap is marking. They never meet, because an evacuation lists the pairs
//!   that it copies, and marking those that were old before. No mutator reads `next`.
//! - **[pair.watched]** A pair of a weak table is the beginning of a [`WatchedPair`], an object
//!   that is larger than a pair: so its header tells. When it is cleared, the table is told.

use core::ptr::{self, NonNull};

use crate::sync::atomic::Ordering;

use super::{Header, PointerSlot, layout::value_size};

/// The object of an ephemeron ([pair.immutable]).
#[repr(C)]
pub struct EphemeronPair {
    pub(crate) key: PointerSlot,
    pub(crate) value: PointerSlot,
    next: PointerSlot,
}

impl EphemeronPair {
    pub(crate) fn new(key: NonNull<u8>, value: NonNull<u8>) -> Self {
        let slot = |address: NonNull<u8>| PointerSlot::new(address.as_ptr());
        Self { key: slot(key), value: slot(value), next: PointerSlot::new(ptr::null_mut()) }
    }
}

/// The pair of an entry of a weak table ([pair.watched]).
#[repr(C)]
pub struct WatchedPair {
    pub(crate) pair: EphemeronPair,
    /// The table, which the pair keeps alive: nothing but the table leads to the pair, and what is
    /// told.
    pub(crate) table: PointerSlot,
    /// The hash under which the entry is in the table.
    pub(crate) hash: u32,
}

/// A pair that the collector has come to.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct PairRef(NonNull<EphemeronPair>);

// SAFETY: the address of a pair, whose fields are atomic; who has the reference is responsible for its use.
unsafe impl Send for PairRef {}

impl PairRef {
    /// # Safety
    ///
    /// A pair that stays at this address, and is not freed, for as long as the reference and the
    /// lists that it is put into are used.
    #[inline(always)]
    pub(crate) unsafe fn new(pair: *mut EphemeronPair) -> Self {
        // SAFETY: the caller's: the address of a pair.
        Self(unsafe { NonNull::new_unchecked(pair) })
    }

    #[inline(always)]
    fn pair(&self) -> &EphemeronPair {
        // SAFETY: the duty of the caller of `new`; the fields are atomic.
        unsafe { self.0.as_ref() }
    }

    /// Returns the address of the pair, an object.
    #[inline(always)]
    pub(crate) fn address(self) -> usize {
        self.0.addr().get()
    }

    /// Returns the address of the key, or null if the pair is cleared.
    #[inline(always)]
    pub(crate) fn key(self) -> *mut u8 {
        // Acquire, as every load of a slot: the object's header was written before.
        self.pair().key.get()
    }

    /// Returns the address of the value, or null if the pair is cleared.
    pub(crate) fn value(self) -> *mut u8 {
        self.pair().value.get()
    }

    /// Returns the places of the key and of the value.
    #[inline(always)]
    pub(crate) fn places(self) -> [*mut PointerSlot; 2] {
        let pair = self.0.as_ptr();
        // SAFETY: fields of the pair.
        unsafe { [&raw mut (*pair).key, &raw mut (*pair).value] }
    }

    /// Returns the pair, as an object.
    pub(crate) fn object(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// Returns the address of the pair.
    pub(super) fn pointer(self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    pub(super) fn next(self) -> *mut u8 {
        // Relaxed, as below: a list has one user at a time, and a lock or a pause hands it on.
        self.pair().next.load(Ordering::Relaxed)
    }

    pub(super) fn set_next(self, next: *mut u8) {
        // Relaxed: as for `next`.
        self.pair().next.store(next, Ordering::Relaxed);
    }

    /// Returns whether a weak table is told when the pair is cleared ([pair.watched]).
    ///
    /// # Safety
    ///
    /// The pair is an object of the heap, which is not forwarded, and whose header is in its place.
    pub(crate) unsafe fn is_watched(self) -> bool {
        // SAFETY: the caller's: an object, whose header points to its type.
        let info = unsafe { Header::of(self.pointer()).info() };
        info.shape.size_with_header as usize > value_size(size_of::<EphemeronPair>())
    }

    /// Clears the pair: its key is dead. Mutators may read it meanwhile.
    pub(crate) fn clear(self) {
        // Release, both: what is done after the key was cleared is not seen before it ([weak-mode.clearing]).
        self.pair().key.publish(ptr::null_mut());
        self.pair().value.publish(ptr::null_mut());
    }
}

/// A list of pairs ([pair.one-list]).
#[derive(Default)]
pub(crate) struct PairList(Option<PairRef>);

impl PairList {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn push(&mut self, pair: PairRef) {
        let next = self.0.replace(pair).map_or(ptr::null_mut(), |next| next.0.as_ptr());
        pair.set_next(next.cast());
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<PairRef> {
        let first = self.0?;
        self.0 = NonNull::new(first.next()).map(|next| PairRef(next.cast()));
        Some(first)
    }
}
