//! How many roots a table has, counted from any thread, which thread releases the table, and whether a collection will come that finds the
//! roots that were dropped. The model is `models/protocols/live_count.rs`.
//!
//! - **[live-count.sum]** The count is the number of roots, plus [`ATTACHED`] minus the owner's own count while the owner is
//!   attached.
//! - **[live-count.last]** Exactly one subtraction makes it zero. From then on only the thread of that subtraction touches the
//!   table, until its `release`.
//! - **[live-count.released]** A thread that finds the table released may free it.
//! - **[live-count.unattended]** When the last user of the heap has gone, no collection will look for roots that were dropped. That user
//!   marks the table and then looks itself. A thread that drops a root elsewhere marks its word and then looks at the table. Both looks
//!   and marks at the table are read-modify-writes of one word, so one of the two comes first: the last user finds the root, or the other
//!   thread finds that it has to take care of the root.

use crate::sync::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mutant,
};

/// The root count of a table.
pub(crate) struct LiveCount {
    /// Twice the count, and the flag [`UNATTENDED`].
    live: AtomicUsize,
    released: AtomicBool,
}

/// What is added to the count while the owner is attached ([live-count.sum]).
const ATTACHED: usize = usize::MAX / 4;
/// The heap has no user any more ([live-count.unattended]).
const UNATTENDED: usize = 1;

/// The outcome of a subtraction.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subtracted {
    /// Other roots are left.
    Some,
    /// This was the last root ([live-count.last]): the caller takes what the table keeps, and then releases the table.
    Last,
}

impl LiveCount {
    /// Returns the count of a table whose owner attaches.
    pub(crate) fn attached() -> Self {
        Self { live: AtomicUsize::new(2 * ATTACHED), released: AtomicBool::new(false) }
    }

    /// Detaches the owner, and leaves `own` roots of its own in the count: those it made, less those it dropped.
    pub(crate) fn orphan(&self, own: isize) -> Subtracted {
        self.subtract(ATTACHED.wrapping_sub_signed(own))
    }

    /// Subtracts a root that was not dropped by the running owner.
    pub(crate) fn drop_one(&self) -> Subtracted {
        self.subtract(1)
    }

    fn subtract(&self, roots: usize) -> Subtracted {
        // AcqRel: what other threads did with the table comes before what the last one does.
        let twice = roots.wrapping_mul(2);
        if self.live.fetch_sub(twice, mutant::RELAXED_COUNT.weaken(Ordering::AcqRel)) & !UNATTENDED == twice {
            Subtracted::Last
        } else {
            Subtracted::Some
        }
    }

    /// Records that the heap has no user any more. The caller looks for roots that were dropped afterwards.
    pub(crate) fn leave_unattended(&self) {
        // AcqRel, with `is_unattended_after_drop`: the caller sees the roots that were dropped before that looked.
        self.live.fetch_or(UNATTENDED, Ordering::AcqRel);
    }

    /// Returns whether the heap has no user any more. If this returns false, that may change at once.
    pub(crate) fn is_unattended(&self) -> bool {
        // Acquire: what the last user found comes before what the caller does.
        self.live.load(Ordering::Acquire) & UNATTENDED != 0
    }

    /// Returns whether the heap has no user any more, for a thread that has marked a root as dropped and not subtracted it yet. If it has
    /// one, the last user finds the root.
    pub(crate) fn is_unattended_after_drop(&self) -> bool {
        if mutant::LOOK_FOR_USERS_BY_LOADING.is_planted() {
            return self.is_unattended();
        }
        // AcqRel, with `leave_unattended`. A load could come before the mark is seen.
        self.live.fetch_add(0, Ordering::AcqRel) & UNATTENDED != 0
    }

    /// Releases the table: the last thread does not touch it any more.
    pub(crate) fn release(&self) {
        // Release, with the Acquire in `is_released`.
        self.released.store(true, mutant::RELAXED_TABLE_RELEASE.weaken(Ordering::Release));
    }

    /// Returns whether the table is released ([live-count.released]).
    pub(crate) fn is_released(&self) -> bool {
        // Acquire: see `release`.
        self.released.load(Ordering::Acquire)
    }
}
