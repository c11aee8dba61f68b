//! A pause's part of a full collection: its beginning, its end, and what the program outruns.

use std::time::Instant;

use crate::{
    collector::{
        full::{Current, Phase},
        request::Wanted,
        shared::{Old, Shared},
        verify::Moment,
    },
    old::{
        mark::{Cells, Marked, Marker},
        promote::Cursors,
        sweep::Progress,
    },
    stats::{event::Step, report::Cause},
};

use super::World;

/// Objects, and blocks, that a pause marks or sweeps where the program outruns the marker: about half a millisecond.
const SLICE_OBJECTS: u64 = 1 << 13;
const SLICE_BLOCKS: usize = 256;

impl World<'_> {
    /// The pause's part of a full collection: begins or ends marking, or pays for what the program outruns.
    pub(crate) fn full(&mut self, wanted: Wanted, cause: Cause, before: usize, start: Instant) -> Step {
        match (wanted, self.shared.full.phase()) {
            (Wanted::Begin, _) => {
                self.begin_marking(cause, before, start);
                if self.shared.config.stress.stopped {
                    self.finish_marking(u64::MAX);
                    self.sweep_all();
                }
                Step::Begin
            }
            (Wanted::Finish { budget }, _) if self.finish_marking(budget) => {
                let old_bytes = Shared::old_bytes(&self.old.space, &self.large);
                if self.shared.pace.is_over_goal(old_bytes, 10) {
                    self.sweep_all();
                }
                Step::Finish
            }
            (Wanted::Young(_), Phase::Marking | Phase::Sweeping) => {
                self.assist();
                Step::Whole
            }
            _ => Step::Whole,
        }
    }

    /// Marking begins: what the roots hold is the snapshot. Nothing is young.
    fn begin_marking(&mut self, cause: Cause, before: usize, start: Instant) {
        debug_assert_eq!(self.young.space.in_use(), 0);
        debug_assert_eq!(self.young.remembered.len(), 0);
        // Marks that a sweep has left would pass for those of this collection.
        let swept = self.old.space.is_swept() && self.large.unswept.is_empty();
        assert!(swept, "gc-core: a full collection begins before the last one is swept");
        let shared = self.shared;
        let mut state = shared.marking.lock();
        state.clear();
        let mut marker = Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
        for table in self.tables {
            table.scan(
                // SAFETY: a root's value, of its type; the world is stopped.
                |info, value| unsafe { marker.root(info, value, 1) },
                |boxed| self.pending.boxed(boxed),
            );
        }
        drop(state);
        self.set_marking(true);
        shared.full.begin(Current {
            before,
            old_at_begin: Shared::old_bytes(&self.old.space, &self.large),
            snapshots: shared.snapshots.entries(),
            ..Current::new(cause, start)
        });
    }

    /// What depends on the phase, and so changes in pauses only.
    fn set_marking(&mut self, marking: bool) {
        for cursors in &mut self.old.cursors {
            cursors.marking = marking;
        }
        for attached in self.mutators {
            attached.local().barrier.set_marking(marking);
        }
    }

    /// Marks what is left, if that is no more than about `budget` objects; then marking is over and sweeping begins. Whether it is.
    /// Nothing is young.
    fn finish_marking(&mut self, budget: u64) -> bool {
        debug_assert_eq!(self.young.space.in_use(), 0);
        let shared = self.shared;
        let mut state = shared.marking.lock();
        shared.snapshots.take(&mut state.marked);
        let mut marker = Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
        marker.put_off();
        if marker.run(None, budget) == Marked::Some {
            return false;
        }
        drop(state);
        self.set_marking(false);
        self.verify(Moment::Marked);
        let Old { space, cursors, progress } = &mut *self.old;
        cursors.iter_mut().for_each(Cursors::retire);
        space.begin_sweep();
        *progress = Progress::default();
        self.large.begin_sweep();
        shared.full.marked(Shared::old_bytes(&self.old.space, &self.large));
        true
    }

    /// Where the program outruns the marker or the sweeper, the pause does some of their work: the more the further the old generation is
    /// over its goal, and all of it at a tenth over: then marking ends in that very pause (see `choose`).
    fn assist(&mut self) {
        let shared = self.shared;
        let old_bytes = Shared::old_bytes(&self.old.space, &self.large);
        if !shared.pace.is_over_goal(old_bytes, 0) {
            return;
        }
        let start = Instant::now();
        let far = shared.pace.is_over_goal(old_bytes, 10);
        if shared.full.phase() == Phase::Sweeping {
            if far {
                self.sweep_all();
            } else {
                self.sweep(SLICE_BLOCKS);
            }
        } else {
            let mut state = shared.marking.lock();
            shared.snapshots.take(&mut state.marked);
            let marker = &mut Marker::new(&shared.bits, &shared.runs, Cells::Stopped, &mut state);
            marker.put_off();
            // What is left, the marker does, or the next pause.
            let _ = marker.run(None, SLICE_OBJECTS);
        }
        shared.full.count(|current| current.assist += start.elapsed());
    }

    fn sweep_all(&mut self) {
        while self.sweep(usize::MAX) {}
        self.all_swept = true;
    }

    /// Sweeps some blocks. Whether there were any.
    fn sweep(&mut self, count: usize) -> bool {
        self.shared.sweep_some(&mut self.old, &mut self.large, &mut self.pending, count)
    }
}
