//! The two generations, each under its lock: its space, and the rest of its state.

use core::ptr::NonNull;

use crate::{
    barrier::Remembered,
    object::size_class::promotion_reserve,
    old::{promote::Cursors, sweep::Progress},
    space::{
        census::Census,
        large::LargeSpace,
        old::OldSpace,
        young::{Age, Region, YoungSpace},
    },
};

use super::{counting::Counting, mutator_state::MutatorState, nursery::Nursery, old_types::OldTypes};

/// The young generation.
pub(crate) struct Young {
    pub(crate) space: YoungSpace,
    /// Whether the heap is near its hard limit (`headroom`): then `census` counts every object. It
    /// changes in pauses, when no mutator has a chunk.
    pub(crate) near: bool,
    pub(crate) census: Census,
    /// Pauses since it was looked whether memory goes back ([burst.look]).
    pub(crate) not_looked: u32,
    /// At least so many blocks are ready ([refill.known-ready]).
    pub(crate) ready: usize,
    /// Objects that need dropping: those of generation 1, and those of mutators that have detached.
    pub(crate) drops: Vec<NonNull<u8>>,
    /// Runs of young large objects of mutators that have detached.
    pub(crate) fresh_large: Vec<u32>,
    /// Entries that the last collection left, and entries of mutators that have detached.
    pub(crate) remembered: Remembered,
    pub(crate) nursery: Nursery,
    pub(crate) old_types: OldTypes,
}

// SAFETY: the fields hold addresses of heap objects. The thread that holds the lock is responsible for how it uses them.
unsafe impl Send for Young {}

impl Young {
    pub(crate) fn new(space: YoungSpace) -> Self {
        Self {
            space,
            near: false,
            not_looked: 0,
            census: Census::default(),
            ready: 0,
            drops: Vec::new(),
            fresh_large: Vec::new(),
            remembered: Remembered::default(),
            nursery: Nursery::default(),
            old_types: OldTypes::default(),
        }
    }

    /// Takes over the old cells of a mutator that is stopped or detaching.
    pub(crate) fn take_over_old_cells(&mut self, state: &MutatorState, old: &mut OldSpace) {
        self.old_types.bytes += state.old_cells.retire(old);
    }

    /// Takes over the rest of its state: its buffer, its lists and its remembered set. Hands its
    /// SATB buffer over.
    pub(crate) fn take_over(&mut self, state: &MutatorState) {
        if let Some((region, top)) = state.buffer.retire() {
            self.retire_region(region, top);
        }
        self.drops.append(&mut state.drops.take());
        self.fresh_large.append(&mut state.fresh_large.borrow_mut());
        self.remembered.append(state.barrier.take());
        state.barrier.hand_over();
    }

    /// Returns the generation to a thread that may give back blocks that are ready
    /// ([refill.known-ready]).
    pub(crate) fn give_back(&mut self) -> &mut Self {
        self.ready = 0;
        self
    }

    /// Takes back a region whose objects end at the address `top`, and counts them near the limit.
    /// Its owner runs this, or is stopped.
    pub(crate) fn retire_region(&mut self, region: Region, top: usize) {
        if self.near {
            self.census.take_unknown(region.bytes);
            // SAFETY: [buffer.no-gaps], and only the owner of the region writes headers there.
            unsafe { self.census.walk(region.start, top) };
        }
        self.space.retire_region(region, top);
    }

    /// Returns how many blocks [refill.reserve] needs for what is young and another chunk, `more`
    /// bytes of which are handed out.
    pub(crate) fn reserve(&self, old: &OldSpace, more: usize) -> usize {
        if self.near {
            self.census.blocks(old.free_cells(), more)
        } else {
            promotion_reserve((self.space.in_use() + 1) * self.space.chunk_bytes())
        }
    }

    /// Keeps empty chunks for the survivors of the next collection. Near the limit nothing is taken
    /// that is not needed yet.
    pub(crate) fn expect_survivors(&mut self) {
        self.space.expect_survivors(if self.near { 0 } else { self.nursery.survivors() });
    }

    /// Counts all objects anew. The world is stopped, and no mutator has a chunk.
    pub(crate) fn recount(&mut self, near: bool) {
        self.near = near;
        self.expect_survivors();
        self.census = Census::default();
        if near {
            for chunk in self.space.of_age(Age::Survivor) {
                let start = self.space.start(chunk);
                // SAFETY: [chunk.no-gaps], and the world is stopped.
                unsafe { self.census.walk(start, start.addr() + self.space.top(chunk)) };
            }
        }
    }
}

/// The old generation.
pub(crate) struct Old {
    pub(crate) space: OldSpace,
    /// One set of cursors for each worker.
    pub(crate) cursors: Vec<Cursors>,
    /// The objects of the last nursery that was counted by class.
    pub(crate) mix: Census,
    /// How far the sweep has come.
    pub(crate) progress: Progress,
    /// The blocks that were chosen to be evacuated when marking ends.
    pub(crate) candidates: Vec<u32>,
    /// Which cycle counts objects by type, and what it has counted.
    pub(crate) counting: Counting,
}

impl Old {
    /// Creates the generation, with cursors for this many workers.
    pub(crate) fn new(space: OldSpace, workers: usize) -> Self {
        Self {
            space,
            cursors: (0..workers).map(|_| Cursors::new()).collect(),
            mix: Census::default(),
            progress: Progress::default(),
            candidates: Vec::new(),
            counting: Counting::default(),
        }
    }

    /// Closes the open blocks of all workers, and lists them.
    pub(crate) fn close_cursors(&mut self) {
        self.cursors.iter_mut().for_each(|cursors| cursors.close(&mut self.space));
    }
}

/// Returns the bytes that the old generation takes, large objects of any age included.
pub(crate) fn old_bytes(old: &OldSpace, large: &LargeSpace) -> usize {
    old.live_bytes + large.used
}
