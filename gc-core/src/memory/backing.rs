//! The memory behind a heap's addresses: it is charged to the heap's budget, committed and given back.

use crate::sync::Arc;

use super::{
    budget::Budget,
    reservation::{MapFaults, Reservation},
};

/// A reservation, and the budget that its memory is charged to.
pub(crate) struct Memory {
    reservation: Reservation,
    faults: MapFaults,
    pub(crate) budget: Arc<Budget>,
}

impl Memory {
    pub(crate) fn new(reservation: Reservation, faults: MapFaults, budget: Budget) -> Self {
        Self { reservation, faults, budget: Arc::new(budget) }
    }

    /// Charges and commits fresh address space (offset in the reservation, bytes). Returns whether both succeeded.
    pub(crate) fn grow(&self, offset: usize, bytes: usize) -> bool {
        if !self.budget.charge(bytes) {
            return false;
        }
        let committed = self.commit(offset, bytes);
        if !committed {
            self.budget.discharge(bytes);
        }
        committed
    }

    /// Has the system back a range that was charged and committed.
    pub(crate) fn populate(&self, offset: usize, bytes: usize) {
        self.reservation.populate(offset, bytes);
    }

    pub(crate) fn commit(&self, offset: usize, bytes: usize) -> bool {
        self.reservation.commit(offset, bytes, &self.faults)
    }

    /// Advises huge pages in a range that was committed, or advises against them.
    pub(crate) fn advise(&self, offset: usize, bytes: usize, huge: bool) {
        if huge {
            self.reservation.huge(offset, bytes);
        } else {
            self.reservation.small(offset, bytes);
        }
    }

    /// Gives back memory that was charged.
    ///
    /// # Safety
    ///
    /// Nobody uses the range.
    pub(crate) unsafe fn release(&self, offset: usize, bytes: usize) {
        // SAFETY: the caller's: nobody uses the range.
        unsafe { self.discard(offset, bytes) };
        self.budget.discharge(bytes);
    }

    /// Gives back memory that stays charged: its next use backs it again.
    ///
    /// # Safety
    ///
    /// Nobody uses the range.
    pub(crate) unsafe fn discard(&self, offset: usize, bytes: usize) {
        // SAFETY: the caller's: nobody uses the range.
        unsafe { self.reservation.release(offset, bytes) };
    }
}
