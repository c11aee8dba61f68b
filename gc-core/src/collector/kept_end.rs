//! Who detaches a kept mutator: the thread that keeps it, when it exits, or the last user of the
//! heap. The model is `models/protocols/kept_end.rs`.
//!
//! - **[kept-end.once]** Each of the two looks whether the mutator is attached, and detaches it,
//!   under one lock, that of the registry. So it is detached once, and who finds it gone touches
//!   neither its state nor the heap.
//! - **[kept-end.no-end]** While the lock is held and the mutator is attached, the last user has
//!   not gone, or it waits for the lock with its reference to the heap. So a thread that exits does
//!   not end the heap, if it drops what is left of the mutator before it unlocks.

use crate::sync::mutant;

/// The attached mutators of a heap. The caller has them locked.
pub(crate) trait Attached {
    /// Identifies one.
    type Id: Copy;

    /// Returns whether this one is attached.
    fn contains(&self, id: Self::Id) -> bool;

    /// Returns one that is attached.
    fn any(&self) -> Option<Self::Id>;

    /// Detaches one that is attached. No mutator of the heap runs any more, or its own thread calls
    /// this.
    fn detach(&mut self, id: Self::Id);
}

/// Detaches a mutator that the calling thread keeps, unless the last user of the heap has done
/// that.
pub(crate) fn thread_exits<A: Attached>(attached: &mut A, kept: A::Id) {
    if attached.contains(kept) || mutant::EXIT_DOES_NOT_LOOK.is_planted() {
        attached.detach(kept);
    }
}

/// Detaches what is left. No user is left, so all of these are kept by threads that do not run
/// them.
pub(crate) fn last_user_goes<A: Attached>(attached: &mut A) {
    while let Some(kept) = attached.any() {
        attached.detach(kept);
        if mutant::LAST_USER_LEAVES_SOME.is_planted() {
            return;
        }
    }
}
