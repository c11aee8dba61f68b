//! The counts of a table: how many slots were used, and how many entries there are at most.
//!
//! - **[concurrent-map.room]** A key takes an empty slot after its thread has *reserved* one, and
//!   no more are reserved than the limit, which is three quarters of the slots. Closing the counts
//!   ends that: the entries that are to be moved are at most those that had been reserved, less
//!   those that had been removed. The next table reserves as many before it is found. So each entry
//!   finds an empty slot there, however many threads add others.
//! - **[concurrent-map.late]** What is removed from a table whose counts are closed had been
//!   reserved in the next one, and is counted there as removed: by the thread that finds the table
//!   moved, or, after that, at once. So what is reserved for nothing does not add up from table to
//!   table.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Slots that were used (31 bits), entries (31 bits), and whether the table takes no new entries
/// any more.
///
/// A thread counts a removal after it has removed the entry. By then another one may have used the
/// slot again, and counted that: so entries are counted, not removals, which would be less than
/// none.
pub(crate) struct Counts {
    word: AtomicU64,
    /// What was counted after the counts were closed, and whether that was taken.
    late: AtomicU64,
    limit: u32,
}

const FIELD: u64 = (1 << 31) - 1;
const ENTRY: u64 = 1 << 31;
const CLOSED: u64 = 1 << 63;
const TAKEN: u64 = 1 << 63;

/// The answer to a thread that would use an empty slot.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    Yes,
    /// The table has to be moved to another one.
    Full,
}

impl Counts {
    /// Returns the counts of a table that may use `limit` slots.
    pub(crate) fn new(limit: u32) -> Self {
        debug_assert!(u64::from(limit) <= FIELD);
        Self { word: AtomicU64::new(0), late: AtomicU64::new(0), limit }
    }

    /// Reserves slots for all entries that move to this table, which no other thread knows yet.
    pub(crate) fn reserve_for_all(&self, entries: u32) {
        debug_assert!(entries < self.limit);
        // Relaxed: the table is published afterwards.
        self.word.store((ENTRY + 1) * u64::from(entries), Ordering::Relaxed);
    }

    /// Returns how many entries there are at most, as of now.
    pub(crate) fn live(&self) -> u32 {
        // Relaxed: `close` decides.
        live(self.word.load(Ordering::Relaxed))
    }

    /// Reserves a slot.
    pub(crate) fn reserve(&self) -> Reserved {
        // Relaxed: all that matters is the order of the changes of this word. A slot that is reserved before the word is closed is counted there.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 || word & FIELD >= self.limit.into() {
                return Reserved::Full;
            }
            match self.word.compare_exchange(word, word + ENTRY + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Reserved::Yes,
                Err(found) => word = found,
            }
        }
    }

    /// Returns whether a slot would not be reserved. Another thread may change that.
    pub(crate) fn is_full(&self) -> bool {
        // Relaxed: `reserve` decides.
        let word = self.word.load(Ordering::Relaxed);
        word & CLOSED != 0 || word & FIELD >= self.limit.into()
    }

    /// Gives a slot back that was reserved and not used. Returns false if the counts are closed.
    #[must_use]
    pub(crate) fn give_back(&self) -> bool {
        self.change(|word| word - ENTRY - 1).is_some()
    }

    /// Counts an entry that was removed. Returns how many there still are at most, or `None` if the
    /// counts are closed.
    #[must_use]
    pub(crate) fn count_removed(&self, many: u32) -> Option<u32> {
        self.change(|word| word - ENTRY * u64::from(many)).map(live)
    }

    /// Counts that a slot is used again, by an entry for which another one was reserved
    /// ([concurrent-map.again]). Closed counts stay as they are: there are as many entries in any
    /// case.
    pub(crate) fn count_used_again(&self) {
        let _ = self.change(|word| word - 1);
    }

    /// Changes the word unless it is closed.
    fn change(&self, change: impl Fn(u64) -> u64) -> Option<u64> {
        // Relaxed, and Release with the Acquire of `close`: a thread that takes an entry for gone finds it removed.
        let mut word = self.word.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            match self.word.compare_exchange(word, change(word), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Some(change(word)),
                Err(found) => word = found,
            }
        }
        None
    }

    /// Closes the counts, if they are not: they do not change any more. Returns how many entries
    /// there are at most, the same for each thread.
    pub(crate) fn close(&self) -> u32 {
        // Acquire: see `change`.
        live(self.word.fetch_or(CLOSED, Ordering::Acquire))
    }

    /// Counts an entry of closed counts that was removed, or a reserved slot that was not used.
    /// Returns whether the next table has to be told.
    #[must_use]
    pub(crate) fn count_late(&self) -> bool {
        // Relaxed: as in `reserve`.
        self.late.fetch_add(1, Ordering::Relaxed) & TAKEN != 0
    }

    /// Takes what was counted late, when the table has been moved: the next one is told of what is
    /// counted from then on.
    pub(crate) fn take_late(&self) -> u32 {
        // Relaxed: as in `reserve`.
        let late = self.late.fetch_or(TAKEN, Ordering::Relaxed);
        if late & TAKEN == 0 { late as u32 } else { 0 }
    }

    /// Returns the most slots that may be used.
    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }
}

/// Removals are counted after they are done, reservations before they are used: so this is no less
/// than the entries that there are.
fn live(word: u64) -> u32 {
    (word >> 31 & FIELD) as u32
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    fn with(limit: u32, reserved: u32) -> Counts {
        let counts = Counts::new(limit);
        counts.reserve_for_all(reserved);
        counts
    }

    #[test]
    fn no_more_is_reserved_than_the_limit() {
        let counts = with(3, 1);
        assert_eq!([(); 3].map(|()| counts.reserve()), [Reserved::Yes, Reserved::Yes, Reserved::Full]);
        assert!(counts.give_back());
        assert_eq!(counts.reserve(), Reserved::Yes);
        assert_eq!(counts.count_removed(1), Some(2));
        assert_eq!(counts.reserve(), Reserved::Full);
    }

    #[test]
    fn a_slot_is_used_again_before_its_removal_is_counted() {
        let counts = with(3, 1);
        assert_eq!(counts.reserve(), Reserved::Yes);
        counts.count_used_again();
        assert_eq!((counts.live(), counts.count_removed(1), counts.is_full()), (2, Some(1), false));
        assert_eq!([(); 3].map(|()| counts.reserve()), [Reserved::Yes, Reserved::Yes, Reserved::Full]);
    }

    #[test]
    fn closed_counts_stay() {
        let counts = Counts::new(6);
        assert_eq!([counts.reserve(), counts.reserve()], [Reserved::Yes; 2]);
        assert_eq!(counts.close(), 2);
        assert_eq!(counts.reserve(), Reserved::Full);
        assert!(!counts.give_back() && counts.count_removed(1).is_none());
        assert_eq!(counts.close(), 2);
    }

    #[test]
    fn what_is_counted_late_is_taken_once() {
        let counts = with(6, 2);
        counts.close();
        assert!(!counts.count_late());
        assert_eq!((counts.take_late(), counts.take_late()), (1, 0));
        assert!(counts.count_late());
    }
}
