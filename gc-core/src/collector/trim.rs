//! Gives empty memory back to the system.
//!
//! - **[trim.found]** Memory on its way back is charged and on no list. An allocation that finds no memory meanwhile tries again
//!   ([`found_or_trimmed`]). It does so in vain at most once, and once for each time that something was given back. The locks are
//!   taken in this order: young, trims, old.

use crate::{
    memory::{
        Memory, PAGE,
        address_map::{BLOCK, GROUP},
    },
    object::size_class::CLASSES,
    space::empty_blocks::{BlockMemory, Leaving, Unit},
    sync::MutexGuard,
};

use super::{collector::Collector, generations::Young, headroom::WINDOW};

/// Gives back what the program has not used for a major cycle: empty blocks, chunks, and large runs.
///
/// What was in use at a time since the last cycle will be again before the next one, and an allocation on a page that was given back
/// costs ten times as much. Blocks above the goal are not kept: the next cycle should end before the program uses them.
pub(crate) fn release_unused(collector: &Collector) {
    let young = collector.young.lock();
    let old = collector.old.lock();
    let goal = (collector.pacing.goal() / BLOCK).saturating_sub(old.space.used_blocks());
    let (spare, needed) = (old.space.spare().min(goal), old.space.needed().min(goal));
    drop(old);
    if collector.memory.budget.used() > collector.memory.budget.limit() {
        release_blocks(collector, young, 0, Unit::Block);
    } else {
        release_blocks(collector, young, needed, Unit::Group);
        // Where much is promoted, the reserve was populated ahead of the pauses that will use it.
        if !collector.pacing.promotes_much() {
            release_idle(collector, spare);
        }
    }
    release_chunks(collector);
    let used = collector.large.lock().used_pages * PAGE;
    release_runs(collector, (used / 4).max(RUNS));
}

/// Bytes of free large runs up to which [`release_unused`] keeps them all.
const RUNS: usize = 4 << 20;

/// Gives back all memory that the heap can do without until its next pause: it keeps a chunk, and has the blocks that promotion of what
/// is young and of that chunk may need.
pub(crate) fn release_all(collector: &Collector) {
    let mut young = collector.young.lock();
    release_empty_chunks(collector, &mut young, 1);
    let keep = young.reserve(&collector.old.lock().space, WINDOW);
    release_blocks_except(collector, young, keep, Unit::Group);
    release_idle(collector, 0);
    release_runs(collector, 0);
}

/// Gives the memory of empty blocks back. Keeps the blocks that promotion of the young generation may need, and `least` of them.
pub(crate) fn release_blocks(collector: &Collector, young: MutexGuard<'_, Young>, least: usize, unit: Unit) {
    let ready = young.reserve(&collector.old.lock().space, WINDOW) + collector.workers.count() * CLASSES;
    release_blocks_except(collector, young, ready.max(least), unit);
}

/// Gives the memory of empty blocks back, except `keep`.
///
/// The lock of the young generation is held while blocks are chosen. So no allocation gets nursery memory that relies on a
/// block which is about to be released ([refill.reserve]). The blocks are released without a lock.
fn release_blocks_except(collector: &Collector, young: MutexGuard<'_, Young>, keep: usize, unit: Unit) {
    let mut trims = collector.trims.lock();
    let blocks = collector.old.lock().space.take_surplus(keep, unit, &collector.memory);
    drop(young);
    release(collector, &blocks);
    *trims += u64::from(!blocks.is_empty());
}

/// Allocates by `attempt`, and again as long as memory was on its way back to the system meanwhile. The caller holds no lock.
pub(crate) fn found_or_trimmed<R>(collector: &Collector, attempt: impl Fn() -> Option<R>) -> Option<R> {
    let mut seen = None;
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        // This waits for the end of one that is under way.
        let trims = *collector.trims.lock();
        if seen.replace(trims) == Some(trims) {
            return None;
        }
    }
}

/// Gives the memory of blocks back that were taken off the list of empty ones, and lists them as released.
pub(crate) fn release(collector: &Collector, blocks: &[Leaving]) {
    for (first, count) in blocks.iter().flat_map(|leaving| leaving.pieces()) {
        let offset = collector.map.offset(collector.map.block_start(first));
        // SAFETY: empty blocks that were taken off the list, so no other code uses them.
        unsafe { collector.memory.release(offset, count * BLOCK) };
    }
    for first in blocks.iter().filter_map(|leaving| leaving.whole_group()) {
        // SAFETY: all blocks of the group were taken off the list, so no other code opens one ([group.bits]).
        unsafe { collector.bits.release_group(first) };
    }
    collector.old.lock().space.put_released(blocks);
}

/// Gives the memory of groups back that stay ready for promotion, except `spare` blocks ([group.idle]).
fn release_idle(collector: &Collector, spare: usize) {
    loop {
        let mut old = collector.old.lock();
        let Some(first) = old.space.take_idle(spare) else { return };
        let offset = collector.map.offset(collector.map.block_start(first));
        // SAFETY: empty blocks, and no thread opens one while the lock is held.
        unsafe { collector.memory.discard(offset, GROUP * BLOCK) };
        // A pause that waits for the lock waits for one group.
        MutexGuard::unlock_fair(old);
    }
}

/// Gives the memory of empty chunks back, except those that were in use at a time, and at most twice the young budget: a burst of
/// allocation without safepoints can take much more.
pub(crate) fn release_chunks(collector: &Collector) {
    let mut young = collector.young.lock();
    let mut trims = collector.trims.lock();
    let chunk_bytes = young.space.chunk_bytes();
    let spare = young.space.spare().min(2 * collector.pacing.young_budget() / chunk_bytes);
    let chunks = young.space.take_surplus(spare);
    let offsets: Vec<usize> = chunks.iter().map(|&chunk| young.space.offset(chunk)).collect();
    drop(young);
    for offset in offsets {
        // SAFETY: an empty chunk that was taken off the list, so no other code uses it.
        unsafe { collector.memory.release(offset, chunk_bytes) };
    }
    *trims += u64::from(!chunks.is_empty());
    drop(trims);
    collector.young.lock().space.put_released(&chunks);
}

/// Gives the memory of every empty chunk back except `keep`, at once: for an allocation that needs it elsewhere.
pub(crate) fn release_empty_chunks(collector: &Collector, young: &mut Young, keep: usize) {
    let chunk_bytes = young.space.chunk_bytes();
    let chunks = young.space.take_surplus(keep);
    for &chunk in &chunks {
        // SAFETY: an empty chunk that was taken off the list, so no other code uses it.
        unsafe { collector.memory.release(young.space.offset(chunk), chunk_bytes) };
    }
    young.space.put_released(&chunks);
}

/// Gives the memory of free large runs back if they hold more than `keep` bytes.
pub(crate) fn release_runs(collector: &Collector, keep: usize) {
    let mut large = collector.large.lock();
    if large.dirty_bytes() > keep {
        // SAFETY: the runs are free, and the lock keeps them free.
        large.release_free(|offset, bytes| unsafe { collector.memory.release(offset, bytes) });
    }
}

impl BlockMemory for Memory {
    fn charge(&self, _: usize, bytes: usize) -> bool {
        self.budget.charge(bytes)
    }

    fn grow(&self, offset: usize, bytes: usize) -> bool {
        Self::grow(self, offset, bytes)
    }

    fn advise(&self, offset: usize, bytes: usize, huge: bool) {
        Self::advise(self, offset, bytes, huge);
    }
}
