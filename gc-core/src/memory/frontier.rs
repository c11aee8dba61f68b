//! How far a part of the reservation is committed, ahead of its use.
//!
//! - **[frontier.below]** What lies below `used` is committed, except what a thread that holds the lock of the part commits just
//!   now. So is what lies below `committed`.
//! - **[frontier.ahead]** Allocation commits ahead before it takes locks. What is needed beyond that, because much is needed at once
//!   or because the system has refused, is committed under the lock that is held then: at most a chunk, or a group of blocks.

use crate::sync::atomic::{AtomicUsize, Ordering};

use super::address_map::Part;

/// The frontiers of a part whose memory is taken from its start on, in offsets of the reservation.
pub(crate) struct Frontier {
    start: usize,
    end: usize,
    used: AtomicUsize,
    committed: AtomicUsize,
}

impl Frontier {
    /// Creates the frontier of a part that begins at an offset.
    pub(super) fn new(offset: usize, part: Part) -> Self {
        let [used, committed] = [offset; 2].map(AtomicUsize::new);
        Self { start: offset, end: offset + part.bytes, used, committed }
    }

    /// Returns whether an offset lies in the part.
    pub(super) fn contains(&self, offset: usize) -> bool {
        (self.start..self.end).contains(&offset)
    }

    /// Records that the part is used up to `end`. Returns whether it is committed so far.
    pub(super) fn reach(&self, end: usize) -> bool {
        // Relaxed: a hint of how much is left.
        self.used.fetch_max(end, Ordering::Relaxed);
        // Acquire, with the Release in `note`: the system has committed what lies below.
        end <= self.committed.load(Ordering::Acquire)
    }

    /// Records that what lies below `end` is committed.
    pub(super) fn note(&self, end: usize) {
        // Release: see `reach`.
        self.committed.fetch_max(end, Ordering::Release);
    }

    /// Returns the offset and the bytes to commit, so that `wanted` bytes are committed that are not used: half as much again, so
    /// that few allocations commit anything. `None` if they are, or if the part has no more.
    pub(super) fn missing(&self, wanted: usize) -> Option<(usize, usize)> {
        // Relaxed: a thread that sees an older value commits a range again, which does no harm.
        let (used, committed) = (self.used.load(Ordering::Relaxed), self.committed.load(Ordering::Relaxed));
        let bytes = (wanted + wanted / 2).next_multiple_of(super::PAGE).min(self.end.saturating_sub(committed));
        (committed.saturating_sub(used) < wanted && bytes > 0).then_some((committed, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_is_wanted_is_committed_ahead() {
        let frontier = Frontier::new(100 << 12, Part { start: 1 << 30, bytes: 16 << 12 });
        assert!(!frontier.reach(101 << 12));
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
}
