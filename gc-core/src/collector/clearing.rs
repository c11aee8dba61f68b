//! Clearing: what is done between the end of marking and the sweep with the weak references,
//! watchers and finalizable objects of the old generation, concurrently.
//!
//! ```text
//!   pause: marking is complete, and something is registered ──▶ CLEARING (the phase stays MARKING) ──▶ pause: evacuate, sweep
//!     clear:    ephemerons whose key has no mark
//!     walk:     each entry without a mark: weak cell cleared, watchers told
//!     finalize: what finalizable objects reach is marked, some at a time; the ephemerons of that whose key has no mark are cleared
//!     remove:   entries of what is still not marked go; finalizable objects are handed over
//! ```
//!
//! - **[clearing.marked]** From the pause that begins it to the one that ends it, everything that a
//!   mutator can reach is marked, and what it makes is young or born marked: barriers stay on. So
//!   an old object without a mark is dead, unless it is finalized.
//! - **[clearing.filtered]** Meanwhile a weak reference or an ephemeron that leads to an old object
//!   without a mark reads as dead. A mutator learns that from its barrier, whose mode changes in
//!   the two pauses.
//! - **[clearing.before-marks]** All weak cells of dead targets are cleared, and all ephemerons
//!   with dead keys, before the first object is marked for finalization. A reader that finds a mark
//!   looks at the cell again: if the mark was set for finalization, it finds the cell cleared. So
//!   weak references are cleared before anything is finalized.
//! - **[clearing.cells]** An entry forgets a weak cell that nothing leads to. A mutator that takes
//!   a cell from an entry marks it, under the lock under which the entry forgets it.
//! - **[clearing.one]** One thread at a time clears, with the lock of this state: the concurrent
//!   thread, or the leader of a pause that cannot wait.
//!
//! The model is `models/protocols/clearing.rs`.

use core::ptr::NonNull;
use std::collections::VecDeque;

use crate::{
    old::{mark::Marking, waiting::Waiting},
    registered::{Generations, QueueId, SHARDS, Table},
    space::{large::RunTable, old::Bits},
    sync::{Mutex, mutant},
};

/// How far clearing has come.
#[derive(Default)]
pub(crate) struct Clearing {
    stage: Stage,
    /// Objects that were found without a mark.
    dead: Vec<NonNull<u8>>,
    /// Objects whose weak cell was found without a mark.
    cells: Vec<NonNull<u8>>,
    /// Objects that are handed over to be finalized.
    finalized: VecDeque<(QueueId, NonNull<u8>)>,
    /// How many of these were given to the marker.
    resurrected: usize,
    /// Ephemerons that were cleared.
    ephemerons: usize,
}

// SAFETY: these are addresses of objects; the code that has the state is responsible for their use.
unsafe impl Send for Clearing {}

/// What is done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Stage {
    /// Nothing: marking is not complete.
    #[default]
    Marking,
    /// Clears the ephemerons that wait for their keys in vain.
    Ephemerons,
    /// Walks the entries of this shard, from this place down.
    Walk { shard: usize, end: usize },
    /// Marks what finalizable objects reach.
    Finalize,
    /// Clears the ephemerons that these have led to, if their keys are dead.
    Late,
    /// Removes entries.
    Remove,
    /// Nothing more: the next pause ends marking.
    Done,
}

/// What is cleared, and what says that it is dead.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) table: &'a Table,
    pub(crate) bits: &'a Bits,
    pub(crate) runs: &'a RunTable,
    pub(crate) waiting: &'a Waiting,
    pub(crate) marking: &'a Mutex<Marking>,
}

impl<'a> Subject<'a> {
    fn generations(&self) -> Generations<'a> {
        Generations { map: *self.bits.map(), runs: self.runs }
    }

    /// Returns whether an old object is marked.
    fn is_marked(&self, object: NonNull<u8>) -> bool {
        let address = object.addr().get();
        if self.bits.map().old.contains(address) {
            self.bits.marks.is_set(self.bits.granule(address))
        } else {
            self.runs.run_of(address).is_marked()
        }
    }
}

/// Entries that one increment looks at: some tens of microseconds.
const SLICE: usize = 512;

impl Clearing {
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Begins, in the pause that has completed marking.
    pub(crate) fn begin(&mut self) {
        debug_assert_eq!(self.stage, Stage::Marking);
        self.stage = Stage::Ephemerons;
    }

    /// Ends, in the pause that ends marking. Returns how many ephemerons were cleared.
    pub(crate) fn end(&mut self) -> usize {
        core::mem::take(self).ephemerons
    }

    /// Returns the objects that are to be handed over, if no queue has them yet.
    pub(crate) fn finalized(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.finalized.iter().map(|&(_, object)| object)
    }

    /// Has the next finalizable objects marked, when all is marked that those before them reach:
    /// some at a time, so that the marker's stack stays small.
    pub(crate) fn finalize(&mut self, marking: &Mutex<Marking>) {
        debug_assert_eq!(self.stage, Stage::Finalize);
        let end = self.finalized.len().min(self.resurrected + SLICE);
        if self.resurrected == end {
            self.stage = Stage::Late;
            return;
        }
        let objects = self.finalized.range(self.resurrected..end).map(|&(_, object)| object);
        marking.lock().resurrect(objects);
        self.resurrected = end;
    }

    /// Does an increment of what needs no marking.
    pub(crate) fn step(&mut self, subject: Subject<'_>) {
        match self.stage {
            Stage::Marking | Stage::Finalize | Stage::Done => {}
            Stage::Ephemerons => self.clear_ephemerons(subject, Stage::Walk { shard: 0, end: usize::MAX }),
            Stage::Walk { shard, end } => self.walk(subject, shard, end),
            Stage::Late => self.clear_ephemerons(subject, Stage::Remove),
            Stage::Remove => self.remove(subject),
        }
    }

    fn clear_ephemerons(&mut self, subject: Subject<'_>, next: Stage) {
        let mut watched = Vec::new();
        let cleared = subject.waiting.clear_some(SLICE, |pair| {
            // SAFETY: an old object, which is not moved before clearing has ended.
            if unsafe { pair.is_watched() } {
                watched.push(pair.object());
            }
        });
        subject.table.queues.hand_over_entries(watched, subject.generations());
        self.ephemerons += cleared;
        if cleared < SLICE {
            self.stage = next;
        }
    }

    fn walk(&mut self, subject: Subject<'_>, shard: usize, end: usize) {
        let Self { dead, cells, finalized, .. } = self;
        let left = subject.table.walk_old(shard, end, SLICE, |entry| {
            if subject.is_marked(entry.object) {
                if entry.cell.is_some_and(|cell| !subject.is_marked(cell.cast())) {
                    cells.push(entry.object);
                }
                return;
            }
            if mutant::FINALIZED_BEFORE_CLEARED.is_planted() {
                subject.marking.lock().resurrect(core::iter::once(entry.object));
            }
            // SAFETY: no memory is used again before the sweep.
            let finalizers = unsafe { entry.die(entry.cell, &subject.table.queues) };
            finalized.extend(finalizers.into_iter().map(|queue| (queue, entry.object)));
            dead.push(entry.object);
        });
        self.stage = match (left, shard + 1) {
            (0, SHARDS) => Stage::Finalize,
            (0, next) => Stage::Walk { shard: next, end: usize::MAX },
            (left, _) => Stage::Walk { shard, end: left },
        };
    }

    fn remove(&mut self, subject: Subject<'_>) {
        let table = subject.table;
        for object in self.cells.split_off(self.cells.len().saturating_sub(SLICE)) {
            table.remove_old_if(object, |entry| {
                if entry.cell.is_some_and(|cell| !subject.is_marked(cell.cast())) {
                    // SAFETY: no memory is used again before the sweep.
                    unsafe { entry.forget_cell() };
                }
                entry.is_idle()
            });
        }
        for object in self.dead.split_off(self.dead.len().saturating_sub(SLICE)) {
            table.remove_old_if(object, |entry| !subject.is_marked(object) || entry.is_idle());
        }
        if self.cells.is_empty() && self.dead.is_empty() {
            for (queue, object) in self.finalized.drain(..SLICE.min(self.finalized.len())) {
                table.queues.hand_over(queue, object, subject.generations());
            }
            if self.finalized.is_empty() {
                // The memory is given back here, not in the pause.
                *self = Self { stage: Stage::Done, ephemerons: self.ephemerons, ..Self::default() };
            }
        }
    }
}
