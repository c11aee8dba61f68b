//! Increments of sweeping, for any thread that holds the lock of the old generation, and the dead
//! values that they find.

use crate::{old::sweep, space::large::LargeSpace};

use super::{collector::Collector, drops::DropQueue, generations::Old};

/// Blocks, or large objects, that one increment sweeps while it holds the lock.
pub(crate) const AT_ONCE: usize = 8;
/// A block whose objects are counted takes as long as so many others.
const COUNTED: usize = 8;

/// Sweeps some blocks for an allocation that found no memory. Returns whether there were any to
/// sweep. The concurrent thread ends the cycle.
pub(crate) fn sweep_to_allocate(collector: &Collector) -> bool {
    let mut dead = DropQueue::default();
    let mut old = collector.old.lock();
    let more = sweep_some(collector, &mut old, &mut collector.large.lock(), &mut dead, AT_ONCE);
    collector.background.expect_drops(&mut dead, &collector.memory.budget);
    drop(old);
    collector.background.post_drops(dead);
    more
}

/// Sweeps some blocks or large objects. Returns whether there were any.
pub(crate) fn sweep_some(
    collector: &Collector,
    old: &mut Old,
    large: &mut LargeSpace,
    dead: &mut DropQueue,
    count: usize,
) -> bool {
    let Old { space, progress, counting, .. } = old;
    let mut tally = counting.swept();
    let count = if tally.is_some() { count.div_ceil(COUNTED) } else { count };
    let swept = sweep::blocks(space, progress, count, tally.as_deref_mut(), dead)
        .or_else(|| sweep::large(large, &collector.runs, count, tally, dead));
    if let Some(swept) = swept {
        collector.major.count(|current| {
            current.freed += swept.bytes;
            current.swept += swept.bytes;
            current.objects += swept.objects;
        });
    }
    swept.is_some()
}
