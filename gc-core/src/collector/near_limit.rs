//! Near the hard limit: which regions mutators allocate in, and what a pause does so that the next
//! nursery has room.
//!
//! - **[limit.progress]** Every pause leaves room for a smallest nursery, or has collected the
//!   whole heap. So `alloc` is refused only if what lives and a smallest nursery have no room, or
//!   if the program allocates a nursery without a safepoint. So the young budget is never more than
//!   what was left at the last pause has room for, however large the nursery had been before.

use std::time::Instant;

use crate::{
    memory::BLOCK,
    object::size_class::{CLASSES, promotion_reserve},
    safepoint::Reason,
    space::young::{Age, MIN_REGION, Region},
    stats::{Cause, Collect, Step},
    young::Evacuated,
};

use super::{
    attachment::Attachment,
    collector::Collector,
    generations::{Young, old_bytes},
    headroom::{Room, WINDOW},
    major_cycle::Phase,
    stopped_heap::StoppedHeap,
    trim::Lack,
    verify::Checkpoint,
};

/// Replaces the region of a mutator by a small one, for an object of at most `least` bytes: a
/// window. The caller runs the mutator.
pub(crate) fn next_region(local: &Attachment, young: &mut Young, least: usize, window: usize) -> Result<(), Lack> {
    let collector = &*local.collector;
    if let Some((before, top)) = local.buffer.retire() {
        young.retire_region(before, top);
        local.charge_fresh(top - before.start.addr());
    }
    let [usual, bytes] = [WINDOW, window].map(|bytes| bytes.min(young.space.chunk_bytes()));
    // The last region of a chunk takes a rest that is no region.
    let most = bytes + MIN_REGION;
    make_promotable(collector, young, most)?;
    let region = take_region(collector, young, least, bytes)?;
    if region.bytes > most && make_promotable(collector, young, region.bytes).is_err() {
        young.space.retire_region(region, region.start.addr());
        return Err(Lack::Blocks);
    }
    if bytes < usual {
        local.poll.raise(Reason::MINOR);
    }
    young.census.add_unknown(region.bytes);
    local.buffer.refill(region);
    Ok(())
}

/// Takes a region, of a chunk with room or of an empty one.
pub(crate) fn take_region(
    collector: &Collector,
    young: &mut Young,
    least: usize,
    bytes: usize,
) -> Result<Region, Lack> {
    let grow = |offset, bytes| collector.memory.grow(offset, bytes);
    young.space.take_region(least, bytes, grow).ok_or(Lack::Chunk(bytes + MIN_REGION))
}

/// Establishes [refill.reserve] for what is young and `more` bytes.
fn make_promotable(collector: &Collector, young: &Young, more: usize) -> Result<(), Lack> {
    let old = &mut collector.old.lock().space;
    let wanted = young.census.blocks(old.free_cells(), more);
    if old.ensure_empty(wanted, &collector.memory) { Ok(()) } else { Err(Lack::Blocks) }
}

/// Fits the goal to a limit that was set just now, or to what destructors have released. If there
/// is not much room, the next safepoint collects, and fits the rest. The caller holds no lock.
pub(crate) fn fit_anew(collector: &Collector) {
    collector.headroom.forget();
    let (old, large) = (collector.old.lock(), collector.large.lock());
    let room = collector.headroom.measure(&collector.memory.budget, &old.space, &large, &old.mix);
    let taken = old_bytes(&old.space, &large).saturating_add(collector.memory.budget.external());
    drop((old, large));
    collector.pacing.set_ceiling(room.map_or(usize::MAX, |room| taken.saturating_add(room.small)));
    if room.is_some_and(|room| room.available.min(room.small) / 8 < collector.pacing.young_budget()) {
        collector.headroom.note_change();
    }
}

impl StoppedHeap<'_> {
    /// Returns what is left. `None` without a hard limit.
    pub(crate) fn room(&self) -> Option<Room> {
        let collector = self.collector;
        let space = &self.young.space;
        let empty = space.empty_bytes();
        let survivors = space.of_age(Age::Survivor).map(|chunk| space.used(chunk)).sum();
        collector.headroom.note_young(empty, survivors, self.attached, space.chunk_bytes());
        collector.headroom.measure(&collector.memory.budget, &self.old.space, &self.large, &self.old.mix)
    }

    /// Fits the heap to what is left below its limit: the goal, the nursery, and how young objects
    /// are counted.
    pub(crate) fn fit_to_limit(&mut self) -> Option<Room> {
        let collector = self.collector;
        collector.headroom.begin_fit();
        if self.young.near {
            // The free cells of open blocks are room, too, and for any worker.
            self.old.close_cursors();
        }
        let room = self.room();
        let near = room.is_some_and(|room| {
            let usual = collector.pacing.usual_budget();
            let chunks = (self.attached + 1) * self.young.space.chunk_bytes();
            let blocks = promotion_reserve(usual.saturating_add(chunks)) + collector.workers.count() * CLASSES;
            let taken = usual.saturating_add(blocks.saturating_mul(BLOCK));
            room.available < taken.saturating_add(taken / 4)
        });
        self.young.recount(near);
        self.old.space.scarce = near;
        if near {
            self.old.close_cursors();
        }
        // What the reservation has for a nursery, with as many survivors, and to promote it.
        let map = collector.map;
        let left = map.old.bytes.saturating_sub(self.old.space.used_blocks() * BLOCK);
        let (addresses, usual) = ((map.young.bytes / 4).min(left / 4), collector.pacing.usual_budget());
        match room {
            Some(room) => {
                collector.headroom.note(room);
                let taken = old_bytes(&self.old.space, &self.large).saturating_add(collector.memory.budget.external());
                collector.pacing.set_ceiling(taken.saturating_add(room.small));
                collector.pacing.set_affordable(if near {
                    (room.small / 4).min(room.available / 3)
                } else {
                    // A nursery that has grown, or that more mutators share, takes its size once and a half again to be promoted.
                    (room.available / 4).min(addresses).max(usual)
                });
            }
            None => {
                collector.pacing.set_ceiling(usize::MAX);
                collector.pacing.set_affordable(addresses.max(usual));
            }
        }
        room
    }

    /// Collects the whole heap, if there is too little room for a smallest nursery otherwise
    /// ([limit.progress]). Adds to what was evacuated. Returns whether it did.
    pub(crate) fn collect_if_short(
        &mut self,
        cause: Cause,
        before: usize,
        start: Instant,
        step: Step,
        evacuated: &mut Evacuated,
    ) -> bool {
        let headroom = &self.collector.headroom;
        let budget = self.collector.pacing.usual_budget();
        // As it is before cycles end here, which forget it.
        let large = headroom.largest_run();
        let is_short = |room: Option<Room>| room.is_some_and(|room| headroom.is_short(room, budget, large));
        if !is_short(self.fit_to_limit()) {
            return false;
        }
        if self.young.space.in_use() > 0 || self.young.remembered.len() > 0 {
            // Survivors that stay young take whole chunks.
            evacuated.add_minor(self.minor(Collect::Promote).0);
            self.verify(Checkpoint::AfterPromotion);
            if !is_short(self.fit_to_limit()) {
                return false;
            }
        }
        if self.collector.major.phase() == Phase::Idle && self.old.space.is_worth_compacting() {
            self.compact_all();
            if !is_short(self.fit_to_limit()) {
                return false;
            }
        }
        if headroom.is_still_full() {
            return false;
        }
        // What was allocated since the snapshot of a cycle that is under way is not freed by it.
        let mut again = self.collector.major.phase() != Phase::Idle && step != Step::Begin;
        loop {
            if self.collector.major.phase() == Phase::Idle {
                self.begin_marking(cause, before, start);
            }
            self.end_cycle_now(start);
            let mut short = is_short(self.fit_to_limit());
            if short && self.old.space.is_worth_compacting() {
                self.compact_all();
                short = is_short(self.fit_to_limit());
            }
            if !short || !again {
                return true;
            }
            again = false;
        }
    }
}
