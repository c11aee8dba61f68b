//! A pointer slot: one word that threads share. The model is `models/protocols/pointer_slot.rs`.
//!
//! - **[slot.published-whole]** An object's header and values are written before its address is
//!   stored into a slot that other threads may read, and the store releases. So a thread that loads
//!   the address, which acquires, finds the object whole, on weakly ordered machines too. An object
//!   is published only by a store here, by a cell's lock or by a safepoint.

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// A pointer slot: null or the address of an object.
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

    /// Loads the address, for a mutator.
    #[inline(always)]
    pub(crate) fn get(&self) -> *mut u8 {
        // Acquire, with the Release in `publish`: [slot.published-whole].
        self.0.load(Ordering::Acquire)
    }

    /// Stores an address, for a mutator.
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
        // AcqRel: the Release half publishes the object at `address`; by the Acquire half the old value's object is seen.
        self.0.swap(address, Ordering::AcqRel)
    }

    #[inline(always)]
    pub(crate) fn compare_exchange(&self, current: *mut u8, new: *mut u8) -> Result<*mut u8, *mut u8> {
        // AcqRel: as for `swap`; a failure only reads.
        self.0.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}
