//! The weak mode of a heap: what it means to read a pointer that does not keep its target alive.
//!
//! ```text
//!   NORMAL ── a pause begins marking ──▶ MARKING ── a pause ends marking ──▶ CLEARING ── the next pause ──▶ NORMAL
//!                                           └───────────── the same pause does all of it ──────────────────▶ NORMAL
//! ```
//!
//! - **[weak-mode.pauses]** The mode changes only while the world is stopped. So a mutator finds
//!   the same mode from one safepoint to the next, and what it reads needs no order with it.
//! - **[weak-mode.marking]** While the heap is marking, what is read counts as a value of the
//!   snapshot that is overwritten: the reader logs it ([barrier.snapshot]), and it stays alive
//!   until marking ends.
//! - **[weak-mode.clearing]** Marking is complete. A target that is old and has no mark is dead,
//!   and reads as cleared, before it is cleared and afterwards. A word is cleared before its target
//!   may be marked again for a finalizer. So the reader that finds the mark looks at the word
//!   again: it is cleared, or the target was reachable when marking ended.

use crate::sync::atomic::{AtomicU8, Ordering};

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Mode {
    /// No major cycle is marking: what is not cleared is alive.
    Normal,
    Marking,
    /// The words whose targets are dead are being cleared, beside the mutators.
    Clearing,
}

/// The mode, which all mutators read.
pub(crate) struct WeakMode(AtomicU8);

impl WeakMode {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(Mode::Normal as u8))
    }

    /// Returns the mode.
    #[inline(always)]
    pub(crate) fn get(&self) -> Mode {
        // Relaxed: [weak-mode.pauses].
        match self.0.load(Ordering::Relaxed) {
            0 => Mode::Normal,
            1 => Mode::Marking,
            _ => Mode::Clearing,
        }
    }

    /// Changes the mode. The world is stopped.
    pub(crate) fn set(&self, mode: Mode) {
        // Relaxed: [weak-mode.pauses].
        self.0.store(mode as u8, Ordering::Relaxed);
    }
}
