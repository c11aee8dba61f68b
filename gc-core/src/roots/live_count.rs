//! How many roots a table has, counted from any thread, and which thread releases the table. The model is
//! `models/protocols/live_count.rs`.
//!
//! - **[live-count.sum]** The count is the number of roots, plus [`ATTACHED`] minus the owner's own count while the owner is
//!   attached.
//! - **[live-count.last]** Exactly one subtraction makes it zero. From then on only the thread of that subtraction touches the
//!   table, until its `release`.
//! - **[live-count.released]** A thread that finds the table released may free it.

use crate::sync::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mutant,
};

/// The root count of a table.
pub(crate) struct LiveCount {
    live: AtomicUsize,
    released: AtomicBool,
}

/// What is added to the count while the owner is attached ([live-count.sum]).
const ATTACHED: usize = usize::MAX / 2;

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
        Self { live: AtomicUsize::new(ATTACHED), released: AtomicBool::new(false) }
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
        if self.live.fetch_sub(roots, mutant::RELAXED_COUNT.weaken(Ordering::AcqRel)) == roots {
            Subtracted::Last
        } else {
            Subtracted::Some
        }
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
