//! The memory of a heap, by what it is for.

/// The memory of a heap at one moment. See [`Heap::memory_report`](crate::Heap::memory_report).
///
/// All figures are bytes. These identities hold:
///
/// - `committed` = `young` + `old` + `large` + `pending` + `side`: what the heap has from the
///   system, or may have;
/// - `counted` = `committed` + `external`: what the hard limit is compared with;
/// - `old` = `old_empty` + `old_used`, and `old_used` ≥ `old_cells` + `old_free`: the rest of the
///   used blocks is free cells that promotion does not fill, and the ends of blocks;
/// - `large` = `large_used` + `large_free`;
/// - `headroom` = `limit` - `counted`, or 0;
/// - the system has backed at most `committed` for the heap with memory, and the stacks of the
///   heap's threads; it backs less where memory was never touched: blocks that are only kept ready,
///   chunks, the last page of a large object.
///
/// ```
/// let heap = gc_core::Heap::builder().hard_limit(64 << 20).build()?;
/// let mut m = heap.attach()?;
/// let kept = m.root(m.alloc([0_u64; 8]));
/// m.collect(gc_core::Collect::Full);
/// let report = heap.memory_report();
/// assert_eq!((report.live, report.old_cells), (80, 80));
/// assert_eq!(report.committed, report.young + report.old + report.large + report.pending + report.side);
/// assert_eq!(report.headroom, report.limit - report.counted);
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// The hard limit, `usize::MAX` if there is none.
    pub limit: usize,
    /// What counts against the limit.
    pub counted: usize,
    /// What of it is left.
    pub headroom: usize,
    /// Memory of the heap itself.
    pub committed: usize,
    /// Cells and runs that were live after the last major (full) collection.
    pub live: usize,
    /// Chunks of the young generation: in use, or kept for the next nursery.
    pub young: usize,
    /// Blocks of the old generation.
    pub old: usize,
    /// Empty blocks: kept ready so that everything young can be promoted, or for the growth of the
    /// old generation.
    pub old_empty: usize,
    /// Blocks that hold objects.
    pub old_used: usize,
    /// Cells that hold objects, including dead ones that no major collection has found yet.
    pub old_cells: usize,
    /// Free cells that promotion fills before it opens an empty block. A free cell is room only for
    /// objects of its size class: see [`free_cells`](Self::free_cells).
    pub old_free: usize,
    /// Runs of large objects.
    pub large: usize,
    /// Runs with an object, also a dead one that waits to be dropped.
    pub large_used: usize,
    /// Free runs, kept for the next large objects, and what is left of pages that large objects
    /// have a part of.
    pub large_free: usize,
    /// Values that were found dead and wait to be dropped.
    pub pending: usize,
    /// Bytes that the program reports by [`ExternalBytes`](crate::ExternalBytes).
    pub external: usize,
    /// Tables of roots with their boxed values, remembered sets, lists, mark bitmaps and
    /// descriptors, as of the last pause.
    pub side: usize,
    /// The size classes with free cells that promotion fills, smallest first.
    pub free_cells: Vec<FreeCells>,
}

/// The free cells of one size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FreeCells {
    /// The bytes of one cell: the largest object of the class, with its header.
    pub cell_bytes: usize,
    /// The number of free cells.
    pub count: usize,
}

impl FreeCells {
    pub(crate) fn new(cell_bytes: usize, count: usize) -> Self {
        Self { cell_bytes, count }
    }
}
