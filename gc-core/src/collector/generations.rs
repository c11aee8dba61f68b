//! The two generations, each under its lock: their spaces, and what belongs to a generation beside its space.

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
    /// Objects that need dropping, of generation 1 and of mutators that have detached.
    pub(crate) drops: Vec<NonNull<u8>>,
    /// Runs of young large objects of mutators that have detached.
    pub(crate) fresh_large: Vec<u32>,
    /// What the last collection left remembered, and what mutators remembered that have detached.
    pub(crate) remembered: Remembered,
}

// SAFETY: addresses of heap objects; whoever holds the lock answers for using them.
unsafe impl Send for Young {}

impl Young {
    pub(crate) fn new(space: YoungSpace) -> Self {
        Self { space, drops: Vec::new(), fresh_large: Vec::new(), remembered: Remembered::default() }
    }

    /// Takes over what a mutator has in hand: its buffer, its lists, what it remembered. It is stopped or detaching.
    pub(crate) fn take_over(&mut self, state: &MutatorState) {
        if let Some((chunk, top)) = state.buffer.retire() {
            self.space.set_top(chunk, top);
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
    /// For each worker.
    pub(crate) cursors: Vec<Cursors>,
    /// How far the sweep is.
    pub(crate) progress: Progress,
}

impl Old {
    /// With cursors for so many workers.
    pub(crate) fn new(space: OldSpace, workers: usize) -> Self {
        Self { space, cursors: (0..workers).map(|_| Cursors::new()).collect(), progress: Progress::default() }
    }
}

/// Bytes that the old generation takes, large objects of any age included.
pub(crate) fn old_bytes(old: &OldSpace, large: &LargeSpace) -> usize {
    old.live_bytes + large.used_pages * PAGE
}
