//! The part of a pause in a major cycle: begins it, ends its marking, and assists when the program
//! outruns the concurrent thread.
//!
//! - **[assist.bound]** A pause marks at most [`MOST_MARKED`] objects, at 30 ns some two
//!   milliseconds of work, whatever is left: a list of millions, which one thread marks one node
//!   after the other, is left to many pauses. Only where the old generation is far over its goal,
//!   where the heap is compacted, and where a thread waits for what is being cleared, a pause marks
//!   whatever is left.
//! - **[assist.schedule]** Half of what the old generation grows by from the begin of marking to
//!   the goal is left to the concurrent thread alone. From there on pauses mark what it is behind
//!   by, so that all objects there were are marked when the goal is reached. Over the goal each
//!   pause marks as many as it may. So marking ends while no more is promoted than in as many
//!   pauses as the rest of it takes.
//! - **[assist.ends]** Every attempt to end marking marks what is left as far as it may. What can
//!   be left is a part of the snapshot, which does not grow, so one of them ends it.

use core::time::Duration;
use std::{thread, time::Instant};

use crate::{
    barrier::Mode,
    old::{
        mark::{Cells, Marked},
        promote::Cursors,
        sweep::Progress,
    },
    space::large::LargeSpace,
    stats::{
        event::{Event, Step},
        report::{Cause, Collect, CollectReport},
    },
};

use super::{
    clearing::Stage,
    collector::Collector,
    generations::{Old, old_bytes},
    jobs::Job,
    major_cycle::{CycleFigures, Phase},
    policy::{MOST_MARKED, Request, is_scattered},
    stopped_heap::StoppedHeap,
    sweeping,
    type_info::WORD,
    verify::Checkpoint,
};

/// Blocks that a pause sweeps when it assists: about half a millisecond of work.
const SLICE_BLOCKS: usize = 256;

impl StoppedHeap<'_> {
    /// Does the pause's part of a major cycle, by the phase: begins marking, ends marking, or
    /// assists where the program outruns the concurrent thread.
    pub(crate) fn major(&mut self, wanted: Request, cause: Cause, before: usize, start: Instant) -> Step {
        if matches!(wanted, Request::Compact) {
            self.end_cycle_now(start);
            self.compact_all();
            return Step::Whole;
        }
        let phase = self.collector.major.phase();
        debug_assert!(wanted.is_due(phase), "{phase:?}: meanwhile only a sweep may have ended");
        match phase {
            Phase::Idle if matches!(wanted, Request::Begin) => self.begin(cause, before, start),
            Phase::Idle => Step::Whole,
            Phase::Marking => match wanted {
                Request::Finish { budget, now } => self.end_marking(budget, now),
                Request::Minor(_) | Request::Begin | Request::Compact => self.assist_marking(),
            },
            Phase::Sweeping => self.assist_sweeping(),
        }
    }

    /// Begins marking. With the stress setting `stopped`, the cycle also ends in this pause.
    fn begin(&mut self, cause: Cause, before: usize, start: Instant) -> Step {
        self.begin_marking(cause, before, start);
        if self.collector.config.stress.stopped {
            self.finish_marking(u64::MAX, true);
            self.sweep_all();
        }
        Step::Begin
    }

    /// Ends marking, if that takes no more than about `budget` objects.
    fn end_marking(&mut self, budget: u64, now: bool) -> Step {
        let collector = self.collector;
        let is_marking = || collector.clearing.lock().stage() == Stage::Marking;
        let was_marking = is_marking();
        if !self.finish_marking(budget, now) {
            return if was_marking && !is_marking() { Step::Clear } else { Step::Whole };
        }
        let old_bytes = old_bytes(&self.old.space, &self.large);
        if self.collector.pacing.is_far_over_goal(old_bytes) {
            self.sweep_all();
        }
        Step::Finish
    }

    /// Begins marking: the pointers in the roots are the snapshot. Nothing is young.
    pub(crate) fn begin_marking(&mut self, cause: Cause, before: usize, start: Instant) {
        debug_assert_eq!(self.young.space.in_use(), 0);
        debug_assert_eq!(self.young.remembered.len(), 0);
        // Marks that a sweep has left would count as marks of this cycle.
        let swept = self.old.space.is_swept() && self.large.unswept.is_empty();
        assert!(swept, "gc-core: a major cycle begins before the last one is swept");
        let collector = self.collector;
        let mut state = collector.marking.lock();
        state.clear();
        collector.satb.big_cells.clear();
        debug_assert!(collector.waiting.is_empty(), "an ephemeron waits for the end of a marking that has ended");
        let mut marker = collector.marker(Cells::Stopped, &mut state);
        // SAFETY: a root's value, of its type; the world is stopped.
        self.roots.for_each(|info, value| unsafe { marker.root(info, value, 1) });
        // SAFETY: a word that points to an object; the world is stopped.
        collector.registered.queues.visit(false, |word| unsafe { marker.root(WORD, word, 1) });
        drop(state);
        self.choose_candidates();
        self.set_marking(true);
        collector.major.begin(CycleFigures {
            before,
            old_at_begin: old_bytes(&self.old.space, &self.large),
            objects_at_begin: (self.old.space.live_objects + self.large.old.len()) as u64,
            satb: collector.satb.entries(),
            ..CycleFigures::new(cause, start)
        });
    }

    /// Sets the state that depends on whether the heap is marking, and so changes in pauses only.
    fn set_marking(&mut self, marking: bool) {
        for cursors in &mut self.old.cursors {
            cursors.marking = marking;
        }
        for attached in self.mutators {
            attached.state().barrier.set_marking(marking);
        }
        self.collector.satb.weak_mode.set(if marking { Mode::Marking } else { Mode::Normal });
    }

    /// Marks what is left, if that is no more than about `budget` objects. Then marking ends and
    /// sweeping begins, unless something is to be cleared first: the concurrent thread does that,
    /// or this pause if it is to be done `now`. Returns whether marking has ended. Nothing is
    /// young.
    pub(crate) fn finish_marking(&mut self, budget: u64, now: bool) -> bool {
        debug_assert_eq!(self.young.space.in_use(), 0);
        if !self.mark_what_is_left(budget) {
            return false;
        }
        let collector = self.collector;
        let mut clearing = collector.clearing.lock();
        let is_due = collector.registered.old_len() > 0 || !collector.waiting.is_empty();
        if clearing.stage() == Stage::Marking && is_due {
            clearing.begin();
            collector.satb.weak_mode.set(Mode::Clearing);
        }
        while !matches!(clearing.stage(), Stage::Marking | Stage::Done) {
            if !now {
                return false;
            }
            collector.clear(&mut clearing);
            if clearing.stage() == Stage::Finalize {
                let marked = self.mark_what_is_left(u64::MAX);
                debug_assert!(marked, "there is no limit");
                clearing.finalize(&collector.marking);
            }
        }
        let ephemerons = clearing.end();
        drop(clearing);
        let mut state = collector.marking.lock();
        let recorded = core::mem::take(&mut state.recorded);
        state.free_work();
        collector.stats.record_ephemerons(state.ephemeron_looks, ephemerons as u64);
        drop(state);
        collector.satb.big_cells.clear();
        self.verify(Checkpoint::Marked);
        let at_finish = old_bytes(&self.old.space, &self.large);
        self.evacuate_candidates(recorded);
        self.set_marking(false);
        let Old { space, cursors, progress, counting, .. } = &mut *self.old;
        cursors.iter_mut().for_each(Cursors::retire);
        counting.begin_sweep(collector.major.begun());
        space.begin_sweep();
        *progress = Progress::default();
        self.large.begin_sweep();
        collector.major.marked(at_finish);
        true
    }

    /// Marks what is left, if that is no more than about `budget` objects. Returns whether all is
    /// marked.
    fn mark_what_is_left(&mut self, budget: u64) -> bool {
        let collector = self.collector;
        let mut state = collector.marking.lock();
        let before = state.objects;
        state.take_from(&collector.satb);
        let mut marker = collector.marker(Cells::Stopped, &mut state);
        marker.deferred_cells();
        let marked = marker.run(None, budget);
        let objects = state.objects - before;
        collector.major.count(|current| current.most_marked = current.most_marked.max(objects));
        marked == Marked::All
    }

    /// Marks what the concurrent thread is behind by ([assist.schedule]). At its end, and far over
    /// the goal, `policy::choose` requests the end of marking instead.
    fn assist_marking(&mut self) -> Step {
        let due = self.marking_due();
        if due > 0 {
            let start = Instant::now();
            // The concurrent thread, or the next pause, marks what is left.
            let _ = self.mark_what_is_left(due);
            self.collector.major.count(|current| current.assist += start.elapsed());
        }
        Step::Whole
    }

    /// Returns how many objects the pause has to mark.
    fn marking_due(&self) -> u64 {
        let (collector, current) = (self.collector, self.collector.major.figures());
        let (old_bytes, goal) = (old_bytes(&self.old.space, &self.large), collector.pacing.goal());
        if collector.pacing.is_over_goal(old_bytes) {
            return MOST_MARKED;
        }
        let half = goal.saturating_sub(current.old_at_begin) / 2;
        let grown = old_bytes.saturating_sub(goal - half);
        let expected = u128::from(current.objects_at_begin) * grown as u128 / half.max(1) as u128;
        (expected as u64).saturating_sub(collector.marking.lock().objects).min(MOST_MARKED)
    }

    /// Sweeps some blocks if the old generation is over its goal, and all that are left if it is
    /// far over it.
    fn assist_sweeping(&mut self) -> Step {
        let collector = self.collector;
        let old_bytes = old_bytes(&self.old.space, &self.large);
        if collector.pacing.is_over_goal(old_bytes) {
            let start = Instant::now();
            if collector.pacing.is_far_over_goal(old_bytes) {
                self.sweep_all();
            } else {
                self.sweep(SLICE_BLOCKS);
            }
            collector.major.count(|current| current.assist += start.elapsed());
        }
        Step::Whole
    }

    pub(crate) fn sweep_all(&mut self) {
        while self.sweep(usize::MAX) {}
        self.all_swept = true;
    }

    /// Sweeps some blocks. Returns whether there were any.
    fn sweep(&mut self, count: usize) -> bool {
        sweeping::sweep_some(self.collector, &mut self.old, &mut self.large, &mut self.dead, count)
    }
}

/// Ends major cycle `number`, for which everything is swept, unless another thread has ended it
/// ([major.ends-once]).
pub(crate) fn end_cycle(collector: &Collector, number: u64) {
    let mut old = collector.old.lock();
    end_cycle_of(collector, number, &mut old, &mut collector.large.lock());
}

/// Does the same for a caller that holds the locks of the spaces.
pub(crate) fn end_cycle_of(collector: &Collector, number: u64, old: &mut Old, large: &mut LargeSpace) {
    let (after, objects) = (old_bytes(&old.space, large), old.space.live_objects + large.old.len());
    let mut times = (Duration::ZERO, Duration::ZERO);
    // The figures are complete before waiting threads go on, because they may ask what the cycle did.
    let ended = collector.major.end(number, |current| {
        assert!(old.space.is_swept() && large.unswept.is_empty(), "gc-core: a major cycle ends unswept");
        // Objects that were born marked do not measure what lives: the next goal would grow with the bytes that were promoted
        // during marking.
        let born = current.old_at_finish.saturating_sub(current.old_at_begin);
        let live = current.old_at_finish.saturating_sub(born + current.swept);
        collector.headroom.note_live(live);
        large.end_cycle(current.cause == Cause::Growth);
        old.counting.end(number);
        // Values that were found dead may hold memory outside the heap until their destructors have run.
        let live = live.saturating_add(collector.memory.budget.external());
        collector.pacing.major_ended(live, objects, after, current.start.elapsed());
        let budget = &collector.memory.budget;
        let room = collector.headroom.measure(budget, &old.space, large, &old.mix);
        let grown = (after + current.swept).saturating_sub(current.old_at_begin);
        let makes_room = || old.space.is_worth_compacting();
        let little =
            collector.headroom.major_ended(room, budget.limit(), grown, collector.major.is_promised(), makes_room);
        let above = after.saturating_add(budget.external()) > collector.pacing.soft_limit();
        if let Some(room) = little.or(above.then(|| room.map_or(usize::MAX, |room| room.small))) {
            collector.pressure.raise(room);
        }
        collector.stats.record_major_cycle(after, objects, current.swept, current.objects);
        times = current.marked.map_or(times, |marked| (marked - current.start, marked.elapsed()));
        let (marking, sweeping) = times;
        CollectReport {
            collected: Collect::Full,
            bytes_before: current.before,
            bytes_freed: current.freed,
            old_objects_freed: current.objects,
            pause: current.pause,
            marking,
            sweeping,
        }
    });
    let Some(current) = ended else { return };
    if current.cause == Cause::Idle && is_scattered(&old.space) {
        collector.idle.note_scattered();
    }
    // [idle.between-cycles].
    if collector.idle.work().is_some() || collector.headroom.wants_compaction() {
        collector.major.ask_to_collect();
    }
    collector.background.post(Job::Trim);
    let (bytes, limit) = (after.saturating_add(collector.memory.budget.external()), collector.pacing.soft_limit());
    if bytes > limit {
        collector.background.post(Job::Report(Event::SoftLimit { limit, bytes }));
    }
    let concurrent = current.start.elapsed().saturating_sub(current.pause);
    collector.background.post(Job::Report(Event::FullCollection {
        cause: current.cause,
        cycle: number,
        start: current.start,
        ended_by: thread::current(),
        pause: current.pause,
        concurrent,
        assist: current.assist,
        marking: times.0,
        sweeping: times.1,
        before: current.before,
        after,
        promoted: current.old_at_finish.saturating_sub(current.old_at_begin),
        snapshot: collector.satb.entries() - current.satb,
        registered: collector.registered.len(),
        queued: collector.registered.queues.waiting(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gc, Heap, Root, Thresholds, Trace};

    #[derive(Trace)]
    #[trace(crate = crate)]
    struct Node<'gc> {
        value: u64,
        next: Option<Gc<'gc, Node<'gc>>>,
    }

    /// Turns of a marker between two looks at its budget.
    const TURNS: u64 = 64;

    /// A list has one node after the other to mark, and here the concurrent thread marks next to
    /// nothing. No pause marks more than it may, and all the same marking ends about where it
    /// should.
    #[test]
    fn a_list_that_outruns_the_concurrent_thread_is_marked_by_many_pauses() {
        let stress = "slow-marker=1".parse().unwrap();
        let thresholds = Thresholds { growth_floor: 16 << 20, nursery_bytes: 256 << 10, ..Thresholds::default() };
        let heap = Heap::builder().stress(stress).thresholds(thresholds).build().unwrap();
        let collector = heap.collector();
        let mut m = heap.attach().unwrap();
        let mut head: Root<Option<Gc<'static, Node<'static>>>> = m.root(None::<Gc<'_, Node<'_>>>);
        let (mut most_marked, mut cycles) = (0, 0);
        for value in 0..1 << 21 {
            let next = head.get(&m);
            head.set(&m, Some(m.alloc(Node { value, next })));
            m.safepoint();
            if value % 256 == 0 {
                let (figures, goal) = (collector.major.figures(), collector.pacing.goal());
                most_marked = most_marked.max(figures.most_marked);
                cycles = collector.major.begun();
                let bytes = heap.stats().old_bytes;
                let is_far = collector.major.phase() == Phase::Marking && collector.pacing.is_far_over_goal(bytes);
                assert!(!is_far, "marking, {bytes} bytes where the goal is {goal}");
            }
        }
        assert!(cycles >= 2, "{cycles} cycles");
        assert!(most_marked > MOST_MARKED / 2, "pauses have marked {most_marked} objects at most");
        assert!(most_marked <= MOST_MARKED + TURNS, "a pause has marked {most_marked} objects");
    }
}
