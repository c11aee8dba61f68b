//! The place of a pointer: one word that threads share. The model is `models/protocols/pointer_slot.rs`.
//!
//! - **[slot.published-whole]** An object's header and values are written before its address is stored into a place that others may read, and stores
//!   release: so whoever loads the address, which acquires, finds the object whole, on weakly ordered machines too. An object is
//!   published by no other way than a store here, a cell's lock, or a safepoint.

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// The place of a pointer field: null or the address of an object.
#[repr(transparent)]
pub struct PointerSlot(AtomicPtr<u8>);

impl PointerSlot {
    #[inline(always)]
    #[cfg(not(any(gc_loom, gc_shuttle)))]
    pub(crate) const fn new(address: *mut u8) -> Self {
        Self(AtomicPtr::new(address))
    }

    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) fn new(address: *mut u8) -> Self {
        Self(AtomicPtr::new(address))
    }

    /// The address, by a mutator.
    #[inline(always)]
    pub(crate) fn get(&self) -> *mut u8 {
        // Acquire, with the Release in `publish`: [slot.published-whole].
        self.0.load(Ordering::Acquire)
    }

    /// Stores an address, by a mutator.
    #[inline(always)]
    pub(crate) fn publish(&self, address: *mut u8) {
        // Release: [slot.published-whole].
        self.0.store(address, mutant::RELAXED_PUBLISH.weaken(Ordering::Release));
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> *mut u8 {
        self.0.load(order)
    }

    #[inline(always)]
    pub(crate) fn store(&self, address: *mut u8, order: Ordering) {
        self.0.store(address, order);
    }

    #[inline(always)]
    pub(crate) fn swap(&self, address: *mut u8) -> *mut u8 {
        // AcqRel: the Release half publishes `address`'s object, the Acquire half sees the old one's.
        self.0.swap(address, Ordering::AcqRel)
    }

    #[inline(always)]
    pub(crate) fn compare_exchange(&self, current: *mut u8, new: *mut u8) -> Result<*mut u8, *mut u8> {
        // As for `swap`; a failure only reads.
        self.0.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}
