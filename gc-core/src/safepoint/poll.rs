//! The word that a mutator polls in `safepoint()`: whether to take the slow path, and why.

use crate::sync::atomic::{AtomicU32, Ordering};

/// The word that a mutator polls in `safepoint()`: zero, or the reasons to take the slow path.
pub(crate) struct Poll(AtomicU32);

/// Why a safepoint must take the slow path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason(u32);

impl Reason {
    /// A minor collection is due: the young budget is used up, the external memory of objects makes
    /// it due, or stress does. For the concurrent thread, which has no young generation: it has to
    /// do something other than marking.
    pub(crate) const MINOR: Self = Self(1);
    /// An allocation was refused, by the hard limit, the reservation or the system. The mutator
    /// waits for the end of a major cycle that begins after that.
    pub(crate) const MAJOR: Self = Self(2);
    /// Testing: every safepoint takes the slow path.
    pub(crate) const STRESS: Self = Self(4);
    /// The world is being stopped.
    pub(crate) const STOP: Self = Self(8);
    /// The remembered set is full.
    pub(crate) const REMEMBERED: Self = Self(16);
    /// Another thread asked for counts to be merged.
    pub(crate) const MERGE: Self = Self(32);
    /// Another thread gave up waiting for this member to reach a safepoint ([given-up.record]).
    pub(crate) const LATE: Self = Self(64);

    #[inline]
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Poll {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Returns whether there is a reason. One plain load.
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

    /// Clears a reason after a collection. The world is stopped.
    pub(crate) fn lower(&self, reason: Reason) {
        // Relaxed: the owner does not run, and sees the change when it resumes.
        self.0.fetch_and(!reason.0, Ordering::Relaxed);
    }

    /// Takes the reasons and leaves none.
    ///
    /// If STOP is taken here, the owner finds the STOP bit in its state word: the leader sets that
    /// bit before it raises STOP, and this read-modify-write comes after the raise. A STOP that is
    /// raised after this one makes the next safepoint slow.
    pub(crate) fn take(&self) -> Reason {
        // Acquire, with the Release in `raise_stop`: the STOP bit of the state word is seen.
        Reason(self.0.swap(0, Ordering::Acquire))
    }

    /// Raises STOP, after the bit of the state word was set.
    pub(super) fn raise_stop(&self) {
        // Release: see `take`.
        self.0.fetch_or(Reason::STOP.0, Ordering::Release);
    }

    /// Raises LATE, with MINOR: the owner collects in the place of the thread that gave up, which
    /// has recorded that.
    #[cold]
    pub(crate) fn raise_late(&self) {
        // Release, with the Acquire of `take`: the owner that takes LATE ends what was recorded before.
        self.0.fetch_or(Reason::LATE.0 | Reason::MINOR.0, Ordering::Release);
    }

    /// Raises MERGE, after the word's ASKED was set.
    #[cold]
    pub(crate) fn raise_merge(&self) {
        // Release, with the Acquire of `take`: the owner that takes MERGE sees ASKED, and clears it.
        self.0.fetch_or(Reason::MERGE.0, Ordering::Release);
    }
}
