//! The memory behind a heap's addresses: it is charged to the heap's budget, committed and given
//! back.

use crate::sync::{Arc, held};

use super::{
    address_map::{AddressMap, BLOCK, HUGE_PAGE, PAGE, Part},
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
        // The pages of a group of blocks, and as many of the young part, are touched only where all of them are committed: then they
        // are a huge page. A small heap has fewer.
        let frontier = |part: Part| Frontier::new(map.offset(part.start), part, HUGE_PAGE);
        let frontiers = [frontier(map.young).by_pages_below(HUGE_PAGE), frontier(map.old)];
        Self { reservation, faults, frontiers, budget: Arc::new(budget) }
    }

    /// Charges the address space of a chunk or of blocks (offset in the reservation, bytes).
    /// Returns whether it is committed, and the limit leaves room;
    /// [`commit_beyond`](Self::commit_beyond) commits what was missing. The caller holds the lock
    /// of the part.
    pub(crate) fn grow(&self, offset: usize, bytes: usize) -> bool {
        let [young, old] = &self.frontiers;
        let frontier = if old.contains(offset) { old } else { young };
        frontier.reach(offset + bytes) && self.budget.charge(bytes)
    }

    /// The same in a pause, which has the locks: it commits what is missing ([to-space.grow]).
    pub(crate) fn grow_in_a_pause(&self, offset: usize, bytes: usize) -> bool {
        held::in_a_pause(|| self.committed(|| self.grow(offset, bytes).then_some(()))).is_some()
    }

    /// Calls `attempt`, and again as long as it fails and more is committed afterwards
    /// ([frontier.ahead]). The caller holds no lock.
    pub(crate) fn committed<R>(&self, attempt: impl Fn() -> Option<R>) -> Option<R> {
        loop {
            let before = self.committed_bytes();
            let found = attempt();
            if found.is_some() || !self.commit_beyond(before) {
                return found;
            }
        }
    }

    /// Returns how many bytes are committed: a number that only grows.
    pub(crate) fn committed_bytes(&self) -> usize {
        self.frontiers.iter().map(Frontier::committed_bytes).sum()
    }

    /// Commits what uses have found missing. Returns whether more is committed than
    /// [before](Self::committed_bytes), by any thread: a use that has failed since then may
    /// succeed. The caller holds no lock.
    pub(crate) fn commit_beyond(&self, before: usize) -> bool {
        self.commit_ahead(0, 0);
        self.committed_bytes() > before
    }

    /// Commits so many bytes of the young and of the old part ahead of their use, if they are not
    /// ([frontier.ahead]), or fewer, where the system refuses. The caller holds no lock.
    pub(crate) fn commit_ahead(&self, young: usize, old: usize) {
        for (frontier, wanted) in self.frontiers.iter().zip([young, old]) {
            let Some((offset, mut bytes)) = frontier.missing(wanted) else { continue };
            let mut committed = self.commit(offset, bytes);
            while !committed && bytes / 2 >= BLOCK {
                bytes = (bytes / 2).next_multiple_of(PAGE);
                committed = self.commit(offset, bytes);
            }
            if committed {
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
