//! Compaction: a little in each major cycle, and all at once.
//!
//! ```text
//!   begin marking:  sparse blocks become candidates (`space::sparse`)
//!   while marking:  pointers into them are recorded (`space::candidates`)
//!   end marking:    their live objects are moved (`old::evacuate`) → recorded places and roots are updated (`old::update`)
//!                   → the blocks are empty
//!   all at once:    end the cycle that is under way → move together what is in each class → update every pointer of the heap
//! ```
//!
//! - **[compact.bound]** A major cycle moves at most `compact_bytes`, and updates at most
//!   `compact_places` recorded places, beside the roots. So the pause that ends marking stays
//!   short, however much is sparse and however many pointers lead there. One thing is not counted:
//!   the rest of a cell that was written during marking and holds a recorded pointer. The next
//!   minor collection visits it whole, too.
//! - **[compact.room]** Moving takes only cells that exist: blocks for which there is no room are
//!   left alone. All at once needs no empty block: the objects of a class fit into the free cells
//!   of its fullest blocks.
//! - **[compact.large]** Large objects do not move. Their fields are updated like others.

use std::time::Instant;

use crate::{
    old::{
        evacuate::{self, Alive, FollowMoves, Moved},
        sweep::Swept,
        update::Updater,
    },
    settings::stress::CompactBy,
    space::candidates::{Candidacy, Recorded},
};

use super::{
    generations::Old, major, major_cycle::Phase, moves::AddressTables, stopped_heap::StoppedHeap, type_info::WORD,
    verify::Checkpoint,
};

/// Major cycles in which a block is no candidate after too many places held pointers into it.
const REST: u8 = 8;
/// The most places that are recorded for one block: this part of all.
const ONE: usize = 16;

/// What a compaction did.
#[derive(Default, Clone, Copy, Debug)]
pub(crate) struct Compacted {
    pub(crate) moved: Moved,
    /// Blocks that are empty now.
    pub(crate) blocks: usize,
}

impl StoppedHeap<'_> {
    /// Chooses the blocks that are evacuated when marking ends. The roots have been marked from:
    /// they are not recorded.
    pub(crate) fn choose_candidates(&mut self) {
        let (config, candidates) = (&self.collector.config, &self.collector.candidates);
        let by_test = config.stress.compact;
        if config.compact_bytes == 0 || (by_test.is_none() && !self.old.space.is_sparse()) {
            return;
        }
        self.old.close_cursors();
        let Old { space, candidates: chosen, .. } = &mut *self.old;
        *chosen = match by_test {
            None => space.choose_sparse(config.compact_bytes),
            Some(by) => {
                let seed = config.stress.seed ^ self.collector.epochs.stop_count();
                space.choose_for_test(config.compact_bytes, (by == CompactBy::Chance).then_some(seed))
            }
        };
        if !chosen.is_empty() {
            space.unlist(chosen);
            candidates.begin(chosen, config.compact_places, (config.compact_places / ONE).max(1));
        }
    }

    /// Moves the live objects of the candidates, and updates the places that were recorded. Marking
    /// is complete.
    pub(crate) fn evacuate_candidates(&mut self, mut recorded: Recorded) {
        let collector = self.collector;
        let candidates = &collector.candidates;
        if !candidates.is_in_use() {
            return;
        }
        let blocks = core::mem::take(&mut self.old.candidates);
        for &block in &blocks {
            if candidates.of(block) == Candidacy::Left {
                self.old.space.blocks[block as usize].rests = REST;
            }
        }
        let mut tables = AddressTables::new(&collector.config);
        let moved = self.move_out(&blocks, Alive::Marked, &mut tables);
        tables.follow(&collector.registered, collector.generations());
        recorded.append(candidates.take());
        let mut updater = Updater::new(collector.map, candidates);
        self.update_roots(&mut updater);
        // SAFETY: recorded for these candidates; the world is stopped, and the blocks that are not evacuated have left.
        unsafe { updater.recorded(&self.old.space, recorded) };
        let (compacted, swept) = self.empty(&moved);
        collector.major.count(|current| {
            current.freed += swept.bytes;
            current.swept += swept.bytes;
            current.objects += swept.objects;
        });
        candidates.end();
        collector.stats.record_compaction(compacted.moved.objects, compacted.moved.bytes, compacted.blocks, false);
        tables.check(self.collector.map);
        self.verify(Checkpoint::Evacuated);
    }

    /// Moves objects together, and updates every pointer of the heap. No major cycle is under way,
    /// and nothing is young.
    pub(crate) fn compact_all(&mut self) {
        debug_assert_eq!(self.collector.major.phase(), Phase::Idle);
        debug_assert_eq!((self.young.space.in_use(), self.young.remembered.len()), (0, 0));
        let collector = self.collector;
        let candidates = &collector.candidates;
        self.old.close_cursors();
        let space = &mut self.old.space;
        let plan = space.plan();
        if plan.evacuated.is_empty() {
            collector.headroom.compacted(self.room(), collector.memory.budget.limit(), collector.major.is_promised());
            return;
        }
        space.unlist(&plan.evacuated);
        space.prefer(&plan.kept, &plan.groups);
        candidates.begin(&plan.evacuated, 0, 0);
        let mut tables = AddressTables::new(&collector.config);
        let moved = self.move_out(&plan.evacuated, Alive::Allocated, &mut tables);
        tables.follow(&collector.registered, collector.generations());
        let mut updater = Updater::new(collector.map, candidates);
        self.update_roots(&mut updater);
        self.update_objects(&mut updater);
        let (compacted, _) = self.empty(&moved);
        let space = &mut self.old.space;
        for &block in plan.evacuated.iter().filter(|&&block| candidates.of(block) == Candidacy::Left) {
            let live = evacuate::count(space, block, Alive::Allocated);
            space.close_open(block, live);
        }
        candidates.end();
        space.prefer(&[], &[]);
        // So that the free cells of blocks that have received objects are listed.
        self.old.close_cursors();
        collector.stats.record_compaction(compacted.moved.objects, compacted.moved.bytes, compacted.blocks, true);
        collector.headroom.compacted(self.room(), collector.memory.budget.limit(), collector.major.is_promised());
        tables.check(self.collector.map);
        self.verify(Checkpoint::AfterPromotion);
    }

    /// Moves the live objects of those blocks that are still candidates. Blocks for which there is
    /// no room leave. Returns the blocks, with what was moved out of each.
    fn move_out(&mut self, blocks: &[u32], alive: Alive, tables: &mut impl FollowMoves) -> Vec<(u32, Moved)> {
        let candidates = &self.collector.candidates;
        let Old { space, cursors, .. } = &mut *self.old;
        let cursors = cursors.first_mut().expect("cursors for one worker at least");
        let mut moved = Vec::with_capacity(blocks.len());
        for &block in blocks {
            let class = space.blocks[block as usize].class.expect("a candidate is not empty");
            if candidates.of(block) != Candidacy::Stays {
                continue;
            }
            if space.room(class) < evacuate::count(space, block, alive) {
                candidates.leave(space.map.block_start(block as usize));
                continue;
            }
            moved.push((block, evacuate::move_out(space, cursors, block, alive, &mut self.dead, tables)));
        }
        cursors.flush(space);
        moved
    }

    fn update_roots(&self, updater: &mut Updater<'_>) {
        // SAFETY: a root's value, of its type; the world is stopped, so no code borrows it.
        self.roots.for_each(|info, value| unsafe { updater.values(info, value, 1) });
        // SAFETY: a word that points to an object; the world is stopped.
        self.collector.registered.queues.visit(false, |word| unsafe { updater.values(WORD, word, 1) });
    }

    /// Updates the pointers of every object in a block that is not evacuated, and of every large
    /// object.
    fn update_objects(&self, updater: &mut Updater<'_>) {
        let (space, candidates) = (&self.old.space, &self.collector.candidates);
        for block in 0..space.blocks.len() as u32 {
            if space.blocks[block as usize].class.is_some() && candidates.of(block) != Candidacy::Stays {
                // SAFETY: every object in a swept block is alive; no references to it exist, as the world is stopped.
                evacuate::for_each(space, block, |address| unsafe { updater.object(address) });
            }
        }
        for &page in &self.large.old {
            let (address, _) = self.collector.runs.object(page as usize);
            // SAFETY: as above; a large object is never forwarded.
            unsafe { updater.object(address) };
        }
    }

    /// Makes evacuated blocks empty. Returns what was done, and what was dead in them.
    fn empty(&mut self, blocks: &[(u32, Moved)]) -> (Compacted, Swept) {
        let (mut compacted, mut swept) = (Compacted::default(), Swept::default());
        for &(block, moved) in blocks {
            swept += evacuate::empty(&mut self.old.space, block, moved.objects);
            compacted.moved += moved;
            compacted.blocks += 1;
        }
        (compacted, swept)
    }

    /// Ends the major cycle that is under way, if one is. Nothing is young.
    pub(crate) fn end_cycle_now(&mut self, start: Instant) {
        loop {
            match self.collector.major.phase() {
                Phase::Idle => return,
                Phase::Marking => {
                    self.finish_marking(u64::MAX, true);
                }
                Phase::Sweeping => {
                    self.sweep_all();
                    self.all_swept = false;
                    self.collector.major.count(|current| current.pause += start.elapsed());
                    major::end_cycle_of(self.collector, self.collector.major.begun(), &mut self.old, &mut self.large);
                }
            }
        }
    }
}
