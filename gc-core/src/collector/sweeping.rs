//! Some sweeping, by whoever holds the lock of the old generation, and what it found dead.

use crate::{old::sweep, space::large::LargeSpace};

use super::{collector::Collector, drops::DropQueue, generations::Old};

/// Blocks, or large objects, that are swept under one hold of the lock.
pub(crate) const AT_ONCE: usize = 8;

impl Collector {
    /// Sweeps some blocks, for an allocation that finds none. Whether there were any. The marker ends the collection.
    pub(crate) fn sweep_to_allocate(&self) -> bool {
        let mut pending = DropQueue::default();
        let mut old = self.old.lock();
        let more = self.sweep_some(&mut old, &mut self.large.lock(), &mut pending, AT_ONCE);
        self.background.expect_drops(&mut pending, &self.memory.budget);
        drop(old);
        self.background.post_drops(pending);
        more
    }

    /// Sweeps some blocks or large objects. Whether there were any.
    pub(crate) fn sweep_some(
        &self,
        old: &mut Old,
        large: &mut LargeSpace,
        pending: &mut DropQueue,
        count: usize,
    ) -> bool {
        let swept = sweep::blocks(&mut old.space, &mut old.progress, count, pending)
            .or_else(|| sweep::large(large, &self.runs, count, pending));
        if let Some(swept) = swept {
            self.major.count(|current| {
                current.freed += swept.bytes;
                current.swept += swept.bytes;
                current.objects += swept.objects;
            });
        }
        swept.is_some()
    }
}
