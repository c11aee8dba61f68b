//! The two generations, each under its lock: its space, and the rest of its state.

use core::ptr::NonNull;

use crate::{
    barrier::Remembered,
    memory::PAGE,
    old::{promote::Cursors, sweep::Progress},
    space::{large::LargeSpace, old::OldSpace, young::YoungSpace},
};

use super::mutator_state::MutatorState;

/// The young generation.
pub(crate) struct Young {
    pub(crate) space: YoungSpace,
    /// Objects that need dropping: those of generation 1, and those of mutators that have detached.
    pub(crate) drops: Vec<NonNull<u8>>,
    /// Runs of young large objects of mutators that have detached.
    pub(crate) fresh_large: Vec<u32>,
    /// Entries that the last collection left, and entries of mutators that have detached.
    pub(crate) remembered: Remembered,
}

// SAFETY: the fields hold addresses of heap objects. The thread that holds the lock is responsible for how it uses them.
unsafe impl Send for Young {}

impl Young {
    pub(crate) fn new(space: YoungSpace) -> Self {
        Self { space, drops: Vec::new(), fresh_large: Vec::new(), remembered: Remembered::default() }
    }

    /// Takes over the state of a mutator that is stopped or detaching: its buffer, its lists and its remembered set. Hands its
    /// SATB buffer over.
    pub(crate) fn take_over(&mut self, state: &MutatorState) {
        if let Some((region, top)) = state.buffer.retire() {
            self.space.retire_region(region, top);
        }
        self.drops.append(&mut state.drops.take());
        self.fresh_large.append(&mut state.fresh_large.borrow_mut());
        self.remembered.append(state.barrier.take());
        state.barrier.hand_over();
    }
}

/// The old generation.
pub(crate) struct Old {
    pub(crate) space: OldSpace,
    /// One set of cursors for each worker.
    pub(crate) cursors: Vec<Cursors>,
    /// How far the sweep has come.
    pub(crate) progress: Progress,
}

impl Old {
    /// Creates the generation, with cursors for this many workers.
    pub(crate) fn new(space: OldSpace, workers: usize) -> Self {
        Self { space, cursors: (0..workers).map(|_| Cursors::new()).collect(), progress: Progress::default() }
    }
}

/// Returns the bytes that the old generation takes, large objects of any age included.
pub(crate) fn old_bytes(old: &OldSpace, large: &LargeSpace) -> usize {
    old.live_bytes + large.used_pages * PAGE
}
