//! A pause's part of a full collection: its beginning, its end, and what the program outruns.

use core::time::Duration;
use std::time::Instant;

use crate::{
    old::{
        mark::{Cells, Marked, Marker},
        promote::Cursors,
        sweep::Progress,
    },
    stats::{
        event::{Event, Step},
        report::{Cause, CollectReport, Generation},
    },
};

use super::{
    collector::Collector,
    generations::{Old, old_bytes},
    jobs::Job,
    major_cycle::{CycleFigures, Phase},
    policy::Request,
    stopped_heap::StoppedHeap,
    verify::Checkpoint,
};

/// Objects, and blocks, that a pause marks or sweeps where the program outruns the marker: about half a millisecond.
const SLICE_OBJECTS: u64 = 1 << 13;
const SLICE_BLOCKS: usize = 256;

impl StoppedHeap<'_> {
    /// The pause's part of a full collection, by where that is: begins or ends marking, or pays for what the program outruns.
    pub(crate) fn major(&mut self, wanted: Request, cause: Cause, before: usize, start: Instant) -> Step {
        let phase = self.collector.major.phase();
        debug_assert!(wanted.is_due(phase), "{phase:?}: meanwhile only a sweep may have ended");
        match phase {
            Phase::Idle if matches!(wanted, Request::Begin) => self.begin(cause, before, start),
            Phase::Idle => Step::Whole,
            Phase::Marking => match wanted {
                Request::Finish { budget } => self.end_marking(budget),
                Request::Young(_) | Request::Begin => self.assist(Self::mark_slice),
            },
            Phase::Sweeping => self.assist(Self::sweep_slice),
        }
    }

    /// Begins marking; under stress the collection is over in this very pause.
    fn begin(&mut self, cause: Cause, before: usize, start: Instant) -> Step {
        self.begin_marking(cause, before, start);
        if self.collector.config.stress.stopped {
            self.finish_marking(u64::MAX);
            self.sweep_all();
        }
        Step::Begin
    }

    /// Ends marking, if it takes no more than about `budget` objects.
    fn end_marking(&mut self, budget: u64) -> Step {
        if !self.finish_marking(budget) {
            return Step::Whole;
        }
        let old_bytes = old_bytes(&self.old.space, &self.large);
        if self.collector.pacing.is_over_goal(old_bytes, 10) {
            self.sweep_all();
        }
        Step::Finish
    }

    /// Marking begins: what the roots hold is the snapshot. Nothing is young.
    fn begin_marking(&mut self, cause: Cause, before: usize, start: Instant) {
        debug_assert_eq!(self.young.space.in_use(), 0);
        debug_assert_eq!(self.young.remembered.len(), 0);
        // Marks that a sweep has left would pass for those of this collection.
        let swept = self.old.space.is_swept() && self.large.unswept.is_empty();
        assert!(swept, "gc-core: a full collection begins before the last one is swept");
        let collector = self.collector;
        let mut state = collector.marking.lock();
        state.clear();
        let mut marker = Marker::new(&collector.bits, &collector.runs, Cells::Stopped, &mut state);
        for table in self.tables {
            table.scan(
                // SAFETY: a root's value, of its type; the world is stopped.
                |info, value| unsafe { marker.root(info, value, 1) },
                |boxed| self.pending.boxed(boxed),
            );
        }
        drop(state);
        self.set_marking(true);
        collector.major.begin(CycleFigures {
            before,
            old_at_begin: old_bytes(&self.old.space, &self.large),
            satb: collector.satb.entries(),
            ..CycleFigures::new(cause, start)
        });
    }

    /// What depends on the phase, and so changes in pauses only.
    fn set_marking(&mut self, marking: bool) {
        for cursors in &mut self.old.cursors {
            cursors.marking = marking;
        }
        for attached in self.mutators {
            attached.state().barrier.set_marking(marking);
        }
    }

    /// Marks what is left, if that is no more than about `budget` objects; then marking is over and sweeping begins. Whether it is.
    /// Nothing is young.
    fn finish_marking(&mut self, budget: u64) -> bool {
        debug_assert_eq!(self.young.space.in_use(), 0);
        let collector = self.collector;
        let mut state = collector.marking.lock();
        collector.satb.take(&mut state.marked);
        let mut marker = Marker::new(&collector.bits, &collector.runs, Cells::Stopped, &mut state);
        marker.deferred_cells();
        if marker.run(None, budget) == Marked::Some {
            return false;
        }
        drop(state);
        self.set_marking(false);
        self.verify(Checkpoint::Marked);
        let Old { space, cursors, progress } = &mut *self.old;
        cursors.iter_mut().for_each(Cursors::retire);
        space.begin_sweep();
        *progress = Progress::default();
        self.large.begin_sweep();
        collector.major.marked(old_bytes(&self.old.space, &self.large));
        true
    }

    /// Where the program outruns the marker or the sweeper, the pause does some of their work: the more the further the old generation is
    /// over its goal, and all of it at a tenth over: then marking ends in that very pause (see `policy::choose`).
    fn assist(&mut self, slice: fn(&mut Self, far: bool)) -> Step {
        let collector = self.collector;
        let old_bytes = old_bytes(&self.old.space, &self.large);
        if collector.pacing.is_over_goal(old_bytes, 0) {
            let start = Instant::now();
            slice(self, collector.pacing.is_over_goal(old_bytes, 10));
            collector.major.count(|current| current.assist += start.elapsed());
        }
        Step::Whole
    }

    fn mark_slice(&mut self, _: bool) {
        let collector = self.collector;
        let mut state = collector.marking.lock();
        collector.satb.take(&mut state.marked);
        let marker = &mut Marker::new(&collector.bits, &collector.runs, Cells::Stopped, &mut state);
        marker.deferred_cells();
        // What is left, the marker does, or the next pause.
        let _ = marker.run(None, SLICE_OBJECTS);
    }

    fn sweep_slice(&mut self, far: bool) {
        if far {
            self.sweep_all();
        } else {
            self.sweep(SLICE_BLOCKS);
        }
    }

    fn sweep_all(&mut self) {
        while self.sweep(usize::MAX) {}
        self.all_swept = true;
    }

    /// Sweeps some blocks. Whether there were any.
    fn sweep(&mut self, count: usize) -> bool {
        self.collector.sweep_some(&mut self.old, &mut self.large, &mut self.pending, count)
    }
}

impl Collector {
    /// Everything is swept: full collection `number` is over, unless somebody else has ended it ([major.ends-once]).
    pub(crate) fn end_full(&self, number: u64) {
        let old = self.old.lock();
        let large = self.large.lock();
        let (after, objects) = (old_bytes(&old.space, &large), old.space.live_objects + large.old.len());
        // Before waiters go on: they may ask what the collection did.
        let ended = self.major.end(number, |current| {
            assert!(old.space.is_swept() && large.unswept.is_empty(), "gc-core: a full collection ends unswept");
            // What was born marked is no measure of what lives, and would make the next goal grow with what was promoted meanwhile.
            let born = current.old_at_finish.saturating_sub(current.old_at_begin);
            let live = current.old_at_finish.saturating_sub(born + current.swept);
            // What was found dead may still hold memory elsewhere until its destructors have run.
            let live = live.saturating_add(self.memory.budget.external());
            self.pacing.full_ended(live, after, current.start.elapsed());
            self.stats.full(after, objects, current.swept, current.objects);
            CollectReport {
                generation: Generation::Old,
                bytes_before: current.before,
                bytes_freed: current.freed,
                old_objects_freed: current.objects,
                pause: current.pause,
                marking: current.marked.map_or(Duration::ZERO, |marked| marked - current.start),
                sweeping: current.marked.map_or(Duration::ZERO, |marked| marked.elapsed()),
            }
        });
        drop((old, large));
        let Some(current) = ended else { return };
        self.background.post(Job::Trim);
        let (bytes, limit) = (after.saturating_add(self.memory.budget.external()), self.pacing.soft_limit());
        if bytes > limit {
            self.background.post(Job::Report(Event::SoftLimit { limit, bytes }));
        }
        let beside = current.start.elapsed().saturating_sub(current.pause);
        self.background.post(Job::Report(Event::Collection {
            generation: Generation::Old as u8,
            cause: current.cause,
            step: Step::Whole,
            pause: current.pause,
            before: current.before,
            after,
            time_to_safepoint: Duration::ZERO,
            last: None,
            copied: 0,
            promoted: current.old_at_finish.saturating_sub(current.old_at_begin),
            remembered: 0,
            snapshot: self.satb.entries() - current.satb,
            beside,
            assist: current.assist,
        }));
    }
}
