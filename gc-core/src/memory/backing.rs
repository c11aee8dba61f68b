//! The memory behind a heap's addresses: it is charged to the heap's budget, committed and given back.

use crate::sync::Arc;

use super::{
    address_map::AddressMap,
    budget::Budget,
    frontier::Frontier,
    reservation::{MapFaults, Reservation},
};

/// A reservation, and the budget that its memory is charged to.
pub(crate) struct Memory {
    reservation: Reservation,
    faults: MapFaults,
    /// Of the young and of the old part.
    frontiers: [Frontier; 2],
    pub(crate) budget: Arc<Budget>,
}

impl Memory {
    pub(crate) fn new(reservation: Reservation, map: &AddressMap, faults: MapFaults, budget: Budget) -> Self {
        let frontiers = [map.young, map.old].map(|part| Frontier::new(map.offset(part.start), part));
        Self { reservation, faults, frontiers, budget: Arc::new(budget) }
    }

    /// Charges the address space of a chunk or of blocks (offset in the reservation, bytes), and commits it if it was not committed
    /// ahead ([frontier.ahead]). Returns whether both succeeded. The caller holds the lock of the part.
    pub(crate) fn grow(&self, offset: usize, bytes: usize) -> bool {
        if !self.budget.charge(bytes) {
            return false;
        }
        let [young, old] = &self.frontiers;
        let frontier = if old.contains(offset) { old } else { young };
        let committed = frontier.reach(offset + bytes) || self.commit(offset, bytes);
        if committed {
            frontier.note(offset + bytes);
        } else {
            self.budget.discharge(bytes);
        }
        committed
    }

    /// Commits so many bytes of the young and of the old part ahead of their use, if they are not ([frontier.ahead]). A refusal by
    /// the system is left to the use. The caller holds no lock.
    pub(crate) fn commit_ahead(&self, young: usize, old: usize) {
        for (frontier, wanted) in self.frontiers.iter().zip([young, old]) {
            if let Some((offset, bytes)) = frontier.missing(wanted)
                && self.commit(offset, bytes)
            {
                frontier.note(offset + bytes);
            }
        }
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

    /// Gives back memory, which stays charged: its next use backs it again.
    ///
    /// # Safety
    ///
    /// Nobody uses the range.
    pub(crate) unsafe fn discard(&self, offset: usize, bytes: usize) {
        // SAFETY: the caller's: nobody uses the range.
        unsafe { self.reservation.release(offset, bytes) };
    }
}
