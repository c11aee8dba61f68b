//! How many roots a table has, counted from any thread, and who ends the table. The model is `models/protocols/live_count.rs`.
//!
//! - **[live-count.sum]** The count is the number of roots, plus [`ATTACHED`] minus the owner's own count while the owner is attached.
//! - **[live-count.last]** Exactly one subtraction makes it zero. It is the last access to the table but for `release` by the same thread.
//! - **[live-count.released]** Whoever finds the table released may free it.

use crate::sync::{
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mutant,
};

/// A table's count.
pub(crate) struct LiveCount {
    live: AtomicUsize,
    released: AtomicBool,
}

/// What the count is ahead by while the owner is attached ([live-count.sum]).
const ATTACHED: usize = usize::MAX / 2;

/// What a subtraction found.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subtracted {
    /// Others are left.
    Some,
    /// This was the last ([live-count.last]): the caller takes what the table keeps, and then releases it.
    Last,
}

impl LiveCount {
    /// The count of a table whose owner attaches.
    pub(crate) fn attached() -> Self {
        Self { live: AtomicUsize::new(ATTACHED), released: AtomicBool::new(false) }
    }

    /// The owner detaches and leaves `own` roots of its own counting: those it made less those it dropped.
    pub(crate) fn orphan(&self, own: isize) -> Subtracted {
        self.subtract(ATTACHED.wrapping_sub_signed(own))
    }

    /// A root was dropped by somebody who is not the running owner.
    pub(crate) fn drop_one(&self) -> Subtracted {
        self.subtract(1)
    }

    fn subtract(&self, roots: usize) -> Subtracted {
        // AcqRel: what the others did with the table comes before what the last one does.
        if self.live.fetch_sub(roots, mutant::RELAXED_COUNT.weaken(Ordering::AcqRel)) == roots {
            Subtracted::Last
        } else {
            Subtracted::Some
        }
    }

    /// The last one does not touch the table any more.
    pub(crate) fn release(&self) {
        // Release, with the Acquire in `is_released`.
        self.released.store(true, mutant::RELAXED_TABLE_RELEASE.weaken(Ordering::Release));
    }

    /// [live-count.released].
    pub(crate) fn is_released(&self) -> bool {
        // Acquire: see `release`.
        self.released.load(Ordering::Acquire)
    }
}
