//! An object that its mutator allocates old: its pointers enter the remembered set, and are
//! recorded, as if each were stored.
//!
//! - **[adopt.strong]** While marking, what the object points to needs no push: its mutator has it
//!   from the snapshot, from an object that was made since then, or by a weak word, which has
//!   pushed it ([barrier.snapshot]).

use core::ptr::NonNull;

use crate::{
    object::{CellWord, EphemeronPair, PointerSlot},
    safepoint::Poll,
    trace::{Trace, Visitor, sealed},
};

use super::write_barrier::Barrier;

/// Looks at the pointers of an object that is old since just now.
pub(crate) struct Adopter<'a> {
    barrier: &'a Barrier,
    poll: &'a Poll,
}

impl<'a> Adopter<'a> {
    /// Returns the adopter of objects that the barrier's mutator allocates.
    #[inline(always)]
    pub(crate) fn new(barrier: &'a Barrier, poll: &'a Poll) -> Self {
        Self { barrier, poll }
    }
}

impl sealed::Visitor for Adopter<'_> {}

impl Visitor for Adopter<'_> {
    const MOVES: bool = false;

    #[inline(always)]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a valid pointer slot.
        let slot = unsafe { NonNull::new_unchecked(pointer_slot) };
        // SAFETY: as above, of an object that the barrier's mutator has made.
        unsafe { self.barrier.adopt(self.poll, slot) };
    }

    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, _: *mut T) {
        unreachable!("gc-core: an object with a cell is allocated young")
    }

    unsafe fn ephemeron(&mut self, _: *mut EphemeronPair) {
        unreachable!("gc-core: the pair of an ephemeron is allocated young")
    }
}
