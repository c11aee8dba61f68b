//! How far a part of the reservation is committed, ahead of its use.
//!
//! - **[frontier.below]** What lies below `committed` is committed, and memory is handed out only
//!   there. A thread commits from `committed` on before it moves that, so two that do so at once
//!   commit a range twice, and leave no gap.
//! - **[frontier.ahead]** A thread commits before it takes locks: what it will need, as far as it
//!   knows. A use that finds less under its lock notes how far it would reach, and fails. The
//!   thread then unlocks, commits so far, and tries again as long as more is committed than before;
//!   that ends, since a part does. Only a pause commits with locks held, for to-space
//!   ([to-space.grow]).
//!
//! The model is `models/protocols/frontier.rs`.

use crate::sync::{
    atomic::{AtomicUsize, Ordering},
    mutant,
};

use super::address_map::{PAGE, Part};

/// The frontiers of a part whose memory is taken from its start on, in offsets of the reservation.
pub(crate) struct Frontier {
    start: usize,
    end: usize,
    unit: usize,
    /// So many bytes from the start are committed by pages.
    by_pages: usize,
    used: AtomicUsize,
    committed: AtomicUsize,
}

impl Frontier {
    /// Creates the frontier of a part that begins at an offset, and is committed by units of so
    /// many bytes.
    pub(crate) fn new(offset: usize, part: Part, unit: usize) -> Self {
        let [used, committed] = [offset; 2].map(AtomicUsize::new);
        Self { start: offset, end: offset + part.bytes, unit, by_pages: 0, used, committed }
    }

    /// Has the first `bytes` of the part committed by pages, and not by units.
    pub(crate) fn by_pages_below(self, bytes: usize) -> Self {
        Self { by_pages: bytes, ..self }
    }

    /// Returns whether an offset lies in the part.
    pub(crate) fn contains(&self, offset: usize) -> bool {
        (self.start..self.end).contains(&offset)
    }

    /// Records that the part is to be used up to `end`. Returns whether it is committed so far.
    pub(crate) fn reach(&self, end: usize) -> bool {
        // Relaxed: a hint of how much is left.
        self.used.fetch_max(end, Ordering::Relaxed);
        // Acquire, with the Release in `note`: the system has committed what lies below.
        end <= self.committed.load(Ordering::Acquire)
    }

    /// Records that what lies below `end` is committed.
    pub(crate) fn note(&self, end: usize) {
        // Release: see `reach`.
        self.committed.fetch_max(end, mutant::RELAXED_COMMIT.weaken(Ordering::Release));
    }

    /// Returns how many bytes of the part are committed.
    pub(crate) fn committed_bytes(&self) -> usize {
        // Relaxed: only `reach` allows a use.
        self.committed.load(Ordering::Relaxed) - self.start
    }

    /// Returns the offset and the bytes to commit, so that `wanted` bytes are committed beyond what
    /// is to be used: half as much again, so that few allocations commit anything. `None` if they
    /// are, or if the part has no more.
    pub(crate) fn missing(&self, wanted: usize) -> Option<(usize, usize)> {
        // Relaxed: a thread that sees an older value commits a range again, which does no harm.
        let (used, committed) = (self.used.load(Ordering::Relaxed), self.committed.load(Ordering::Relaxed));
        let lack = (used + wanted).saturating_sub(committed);
        let end = committed + lack.max(wanted + wanted / 2);
        let unit = if end - self.start <= self.by_pages { PAGE } else { self.unit };
        let end = self.start + (end - self.start).next_multiple_of(unit);
        let bytes = end.min(self.end).saturating_sub(committed);
        (lack > 0 && bytes > 0).then_some((committed, bytes))
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_is_wanted_is_committed_ahead() {
        let frontier = Frontier::new(100 << 12, Part { start: 1 << 30, bytes: 16 << 12 }, 1 << 12);
        assert_eq!(frontier.missing(0), None);
        assert!(!frontier.reach(101 << 12));
        assert_eq!(frontier.missing(0), Some((100 << 12, 1 << 12)), "what was to be used");
        assert_eq!(frontier.missing(4 << 12), Some((100 << 12, 6 << 12)));
        frontier.note(106 << 12);
        assert!(frontier.reach(102 << 12));
        assert_eq!(frontier.missing(4 << 12), None, "four pages are left");
        assert!(frontier.reach(103 << 12));
        assert_eq!(frontier.missing(8 << 12), Some((106 << 12, 10 << 12)), "the part has no more");
        frontier.note(116 << 12);
        assert!(frontier.reach(116 << 12));
        assert_eq!(frontier.missing(4 << 12), None);
    }

    #[test]
    fn units_are_committed_as_a_whole() {
        let frontier = Frontier::new(100 << 12, Part { start: 1 << 30, bytes: 16 << 12 }, 4 << 12);
        assert!(!frontier.reach(101 << 12));
        assert_eq!(frontier.missing(0), Some((100 << 12, 4 << 12)));
        // The system has refused more.
        frontier.note(102 << 12);
        assert!(frontier.reach(102 << 12) && !frontier.reach(103 << 12));
        assert_eq!(frontier.missing(0), Some((102 << 12, 2 << 12)), "the rest of the unit");
    }

    #[test]
    fn what_little_is_used_is_committed_by_pages() {
        let part = Part { start: 1 << 30, bytes: 16 << 12 };
        let frontier = Frontier::new(100 << 12, part, 4 << 12).by_pages_below(4 << 12);
        assert!(!frontier.reach(101 << 12));
        assert_eq!(frontier.missing(0), Some((100 << 12, 1 << 12)));
        frontier.note(101 << 12);
        assert!(!frontier.reach(104 << 12));
        assert_eq!(frontier.missing(0), Some((101 << 12, 3 << 12)));
        frontier.note(104 << 12);
        assert!(!frontier.reach(105 << 12));
        assert_eq!(frontier.missing(0), Some((104 << 12, 4 << 12)), "a unit from here on");
    }
}
