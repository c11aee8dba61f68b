//! Gives empty memory back to the system.
//!
//! - **[trim.found]** Memory on its way back is charged and on no list. An allocation that finds no memory meanwhile tries again
//!   ([`found_or_trimmed`]). It does so in vain at most once, and once for each time that something was given back. The locks are
//!   taken in this order: young, trims, old.

use crate::{memory::BLOCK, object::size_class::CLASSES, sync::MutexGuard};

use super::{collector::Collector, generations::Young, headroom::WINDOW};

/// Gives the memory of empty blocks back. Keeps the blocks that promotion of the young generation may need, and `spare` more.
///
/// The lock of the young generation is held while blocks are chosen. So no allocation gets nursery memory that relies on a
/// block which is about to be released ([refill.reserve]). The blocks are released without a lock.
pub(crate) fn release_blocks(collector: &Collector, young: MutexGuard<'_, Young>, spare: usize) {
    let mut trims = collector.trims.lock();
    let mut old = collector.old.lock();
    let ready = young.reserve(&old.space, WINDOW) + collector.workers.count() * CLASSES;
    let blocks = old.space.take_surplus(ready.saturating_add(spare));
    drop(old);
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
pub(crate) fn release(collector: &Collector, blocks: &[u32]) {
    for &block in blocks {
        let offset = collector.map.offset(collector.map.block_start(block as usize));
        // SAFETY: an empty block that was taken off the list, so no other code uses it.
        unsafe { collector.memory.release(offset, BLOCK) };
    }
    collector.old.lock().space.put_released(blocks);
}

/// Gives the memory of empty chunks back, except twice the young budget. A burst of allocation without safepoints can take
/// much more.
pub(crate) fn release_chunks(collector: &Collector) {
    let mut young = collector.young.lock();
    let mut trims = collector.trims.lock();
    let chunk_bytes = young.space.chunk_bytes();
    let chunks = young.space.take_surplus(2 * collector.pacing.young_budget() / chunk_bytes);
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

/// Gives back all memory that is empty, except what the next nursery's first chunk needs.
pub(crate) fn release_all(collector: &Collector) {
    release_blocks(collector, collector.young.lock(), 0);
    release_chunks(collector);
    release_runs(collector, 0);
}
