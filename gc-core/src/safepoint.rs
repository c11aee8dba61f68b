//! Safepoints: what a mutator polls, and the word that says whether it may touch the heap.
//!
//! ```text
//!                 enter_blocked
//!      RUNNING ─────────────────▶ BLOCKED        STOP (a bit beside the state): the world is being stopped
//!         ▲  ◀───────────────────    │
//!         └──── leave_blocked ───────┘           PARKED: waiting at a safepoint for the world to go on
//! ```
//!
//! - **S1** A thread touches the heap only while its mutator is RUNNING.
//! - **S2** The word changes by read-modify-writes only.
//!
//! With one mutator to a heap, the mutator itself stops the world by reaching its safepoint; nobody sets STOP.

use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// What a mutator looks at in `safepoint()`: nothing asked, or why to take the slow path.
pub(crate) struct Poll(AtomicU32);

/// Why a safepoint must take the slow path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason(u32);

impl Reason {
    /// The young budget is used up, or the remembered set is full.
    pub(crate) const YOUNG: Self = Self(1);
    /// The hard limit is near or the old generation has grown past its goal.
    pub(crate) const FULL: Self = Self(2);
    /// Testing: every safepoint is looked at.
    pub(crate) const STRESS: Self = Self(4);

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

    /// What was asked for; nothing is from now on.
    pub(crate) fn take(&self) -> Reason {
        // Relaxed: as for `is_raised`.
        Reason(self.0.swap(0, Ordering::Relaxed))
    }
}

/// The state word of one mutator.
pub(crate) struct StateWord(AtomicUsize);

const RUNNING: usize = 0;
const BLOCKED: usize = 1;

impl StateWord {
    pub(crate) fn running() -> Self {
        Self(AtomicUsize::new(RUNNING))
    }

    /// From here on the thread does not touch the heap.
    pub(crate) fn enter_blocked(&self) {
        // Release: who finds BLOCKED (Acquire) sees all that this thread wrote to the heap.
        let before = self.0.swap(BLOCKED, Ordering::AcqRel);
        debug_assert_eq!(before, RUNNING);
    }

    /// From here on the thread may touch the heap again.
    pub(crate) fn leave_blocked(&self) {
        // Acquire: with the Release of whoever worked on the heap meanwhile.
        let before = self.0.swap(RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before, BLOCKED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_keeps_every_reason_until_taken() {
        let poll = Poll::new();
        assert!(!poll.is_raised());
        poll.raise(Reason::YOUNG);
        poll.raise(Reason::FULL);
        let taken = poll.take();
        assert!(taken.contains(Reason::YOUNG) && taken.contains(Reason::FULL) && !taken.contains(Reason::STRESS));
        assert!(!poll.is_raised());
    }
}
