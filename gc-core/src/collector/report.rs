//! The memory of a heap, measured: side memory in each pause, the rest on request.

use crate::{
    memory::BLOCK,
    object::size_class::SizeClass,
    space::large::LargeSpace,
    stats::{MemoryReport, memory::FreeCells},
    sync::MutexGuard,
};

use super::{
    collector::Collector,
    generations::{Old, Young},
    major_cycle::Phase,
    stopped_heap::StoppedHeap,
};

/// The generations of a heap under their locks: nothing is charged meanwhile but external bytes,
/// bytes that wait to be dropped, and memory that is being released.
pub(crate) struct Locked<'a> {
    pub(crate) young: MutexGuard<'a, Young>,
    pub(crate) old: MutexGuard<'a, Old>,
    pub(crate) large: MutexGuard<'a, LargeSpace>,
}

impl<'a> Locked<'a> {
    /// Waits for a pause that is under way: the caller holds no lock of the heap.
    pub(crate) fn new(collector: &'a Collector) -> Self {
        let young = collector.young.lock();
        Self { young, old: collector.old.lock(), large: collector.large.lock() }
    }
}

/// Returns the memory of a heap. Waits for a pause that is under way: the caller holds no lock of
/// the heap.
pub(crate) fn memory_report(collector: &Collector) -> MemoryReport {
    report_of(collector, &Locked::new(collector))
}

/// The same under locks that the caller has.
pub(crate) fn report_of(collector: &Collector, locked: &Locked<'_>) -> MemoryReport {
    let Locked { young, old, large } = locked;
    let (old, budget) = (&old.space, &collector.memory.budget);
    let free = old.free_cells().iter().enumerate().filter(|&(_, &count)| count > 0);
    let free_cells: Vec<_> =
        free.map(|(class, &count)| FreeCells::new(SizeClass::from_index(class).bytes(), count as usize)).collect();
    let (external, side, pending) = (budget.external(), budget.side(), collector.background.pending.bytes());
    let (old_empty, old_used) = (old.ready() * BLOCK, old.used_blocks() * BLOCK);
    let (large_used, large_free) = (large.used, large.dirty_bytes());
    let (young, old_bytes, large_bytes) = (young.space.charged_bytes(), old_empty + old_used, large_used + large_free);
    let committed = young + old_bytes + large_bytes + pending + side;
    let counted = committed.saturating_add(external);
    MemoryReport {
        limit: budget.limit(),
        counted,
        headroom: budget.limit().saturating_sub(counted),
        committed,
        live: collector.headroom.live(),
        young,
        old: old_bytes,
        old_empty,
        old_used,
        old_cells: old.live_bytes,
        old_free: free_cells.iter().map(|free| free.cell_bytes * free.count).sum(),
        large: large_bytes,
        large_used,
        large_free,
        pending,
        external,
        side,
        free_cells,
    }
}

impl Collector {
    /// Returns for how many keys ephemerons wait, as of some time lately.
    pub(crate) fn keys_waited_for(&self) -> usize {
        // Only while marking: so no lock of a table is taken otherwise.
        if self.major.phase() == Phase::Marking { self.waiting.len() } else { 0 }
    }
}

impl StoppedHeap<'_> {
    /// Returns the bytes of the tables and lists of the heap. The buffers of mutators were taken
    /// over.
    pub(crate) fn side_bytes(&self) -> usize {
        let young = &self.young;
        let lists = (young.drops.capacity() * size_of::<usize>())
            .saturating_add((young.fresh_large.capacity() + self.large.old.capacity()) * size_of::<u32>());
        let Collector { waiting, registered, sites, major, .. } = self.collector;
        let waiting = if major.phase() == Phase::Marking { waiting.bytes() } else { 0 };
        let beside = waiting + registered.bytes() + sites.bytes();
        let spaces = self.old.space.side_bytes() + self.large.side_bytes();
        self.roots.bytes() + self.collector.roots.places.bytes() + lists + young.remembered.bytes() + beside + spaces
    }
}
