//! The place of a pointer: one word that threads share.

use crate::sync::atomic::{AtomicPtr, Ordering};

/// The place of a pointer field: null or the address of an object.
#[repr(transparent)]
pub struct Edge(AtomicPtr<u8>);

impl Edge {
    #[inline(always)]
    pub(crate) const fn new(address: *mut u8) -> Self {
        Self(AtomicPtr::new(address))
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
