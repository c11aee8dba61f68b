//! Counters: kept up to date as things happen, read in constant time.

use core::time::Duration;

/// What a heap did so far and what it holds. See [`Heap::stats`](crate::Heap::stats).
///
/// Bytes are bytes of objects with their headers, before rounding to size classes, unless they say otherwise.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let kept = m.root(m.alloc([0_u64; 10]));
/// m.collect(gc_core::Generation::Young); // promotes it
/// let stats = heap.stats();
/// assert_eq!((stats.objects_promoted, stats.bytes_promoted, stats.old_objects), (1, 88, 1));
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Collections by the oldest generation they collected: by age, promoting everything, full.
    pub collections: [u64; 3],
    /// Time the world was stopped, in all. [`Heap::pauses`](crate::Heap::pauses) has percentiles.
    pub pause_total: Duration,
    /// The longest stop.
    pub pause_max: Duration,
    /// Bytes allocated up to the last collection: objects and the gaps between them, and the pages of large objects.
    pub bytes_allocated: u64,
    /// Bytes that survived young and stayed young.
    pub bytes_copied: u64,
    /// Bytes that became old.
    pub bytes_promoted: u64,
    /// Bytes, of those that survived young, that were copied by other threads than the one that led the collection.
    pub bytes_by_helpers: u64,
    /// Objects that became old.
    pub objects_promoted: u64,
    /// Bytes freed in the young generation, and in the old one in cells and runs.
    pub bytes_freed: u64,
    /// Objects freed in the old generation.
    pub objects_freed: u64,
    /// Bytes of cells and runs that hold old objects.
    pub old_bytes: usize,
    /// Old objects, dead ones not yet found to be included.
    pub old_objects: usize,
    /// Bytes in the young generation after the last collection.
    pub survivor_bytes: usize,
    /// Bytes of memory in use or kept ready, as counted against the hard limit.
    pub memory_bytes: usize,
    /// The most `memory_bytes` ever was.
    pub memory_peak: usize,
    /// Places and cells in the remembered set after the last collection.
    pub remembered: usize,
    /// Values that wait to be dropped by the background thread.
    pub drops_pending: usize,
    /// Values dropped so far.
    pub drops_run: u64,
    /// Destructors that panicked.
    pub drops_panicked: u64,
}

/// How far the heap is from its next collections. See [`Mutator::counts`](crate::Mutator::counts).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.collect(gc_core::Generation::Fresh);
/// let counts = m.counts();
/// assert!(counts.young_bytes < heap.thresholds().nursery_bytes);
/// assert!(counts.young_collections < heap.thresholds().promote_all_every);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Bytes allocated since the last collection, young large objects included, without what other mutators have in their buffers.
    pub young_bytes: usize,
    /// Young collections since the last one that promoted everything.
    pub young_collections: u32,
    /// Bytes by which the old generation has grown since the last full collection.
    pub old_growth: usize,
}
