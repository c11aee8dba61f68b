//! What a mutator looks at in `safepoint()`: one word, and why to take the slow path.

use crate::sync::atomic::{AtomicU32, Ordering};

/// What a mutator looks at in `safepoint()`: nothing asked, or why to take the slow path.
pub(crate) struct Poll(AtomicU32);

/// Why a safepoint must take the slow path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason(u32);

impl Reason {
    /// A young collection is due: the young budget is used up, what objects hold elsewhere makes it due, or stress does. For the marker,
    /// which has no young generation: it is asked for something other than marking.
    pub(crate) const YOUNG: Self = Self(1);
    /// An allocation was refused, by the hard limit, the reservation or the system: the mutator waits for the end of a full collection that
    /// begins after that.
    pub(crate) const FULL: Self = Self(2);
    /// Testing: every safepoint is looked at.
    pub(crate) const STRESS: Self = Self(4);
    /// The world is being stopped.
    pub(crate) const STOP: Self = Self(8);
    /// The remembered set is full.
    pub(crate) const REMEMBERED: Self = Self(16);
    /// Another thread asked for counts to be merged.
    pub(crate) const MERGE: Self = Self(32);

    #[inline]
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Poll {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// One plain load.
    #[inline(always)]
    pub(crate) fn is_raised(&self) -> bool {
        // Relaxed: a hint to take the slow path, which synchronises by the state word.
        self.0.load(Ordering::Relaxed) != 0
    }

    #[cold]
    pub(crate) fn raise(&self, reason: Reason) {
        // Relaxed: as for `is_raised`.
        self.0.fetch_or(reason.0, Ordering::Relaxed);
    }

    /// What is asked for no more, after a collection. The world is stopped.
    pub(crate) fn lower(&self, reason: Reason) {
        // Relaxed: the owner does not run, and learns by being let go on.
        self.0.fetch_and(!reason.0, Ordering::Relaxed);
    }

    /// What was asked for; nothing is from now on.
    ///
    /// A STOP that is taken here finds its bit in the word: the leader sets that first (both are read-modify-writes of
    /// which this one is the later). One that is raised after it makes the next safepoint slow.
    pub(crate) fn take(&self) -> Reason {
        // Acquire, with the Release half of the leader's raise: so the word's STOP is seen.
        Reason(self.0.swap(0, Ordering::Acquire))
    }

    /// Raises STOP, behind the word's bit.
    pub(super) fn raise_stop(&self) {
        // Release: see `take`.
        self.0.fetch_or(Reason::STOP.0, Ordering::Release);
    }

    /// Raises MERGE, behind the word's ASKED.
    #[cold]
    pub(crate) fn raise_merge(&self) {
        // Release, with the Acquire of `take`: who takes it sees ASKED, and takes that off.
        self.0.fetch_or(Reason::MERGE.0, Ordering::Release);
    }
}
