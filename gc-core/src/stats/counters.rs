//! Counters: kept up to date as things happen, read in constant time.

use core::{fmt, time::Duration};

use super::report::Collect;

/// What a heap holds, and what it has done since it was made. See
/// [`Heap::stats`](crate::Heap::stats).
///
/// Bytes are bytes of objects with their headers, before rounding to size classes, unless a field
/// says otherwise.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let kept = m.root(m.alloc([0_u64; 10]));
/// m.collect(gc_core::Collect::Promote); // promotes it
/// let stats = heap.stats();
/// assert_eq!((stats.objects_promoted, stats.bytes_promoted, stats.old_objects), (1, 88, 1));
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Collections, by kind.
    pub collections: CollectCounts,
    /// The total time of all pauses. [`Heap::pauses`](crate::Heap::pauses) has percentiles.
    pub pause_total: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// Minor collections that came later than they were due, because the concurrent thread was at
    /// work and the system had not let it make way: the program went on meanwhile. Frequent where
    /// other processes keep the cores busy.
    pub put_off: u64,
    /// For how long threads that collect have waited for GC workers that had work in hand, in
    /// pauses and while marking. It grows where other processes keep the cores busy; then threads
    /// collect alone for a while.
    pub waited_for_helpers: Duration,
    /// Bytes allocated: objects with the gaps between them, and large objects; their pages from the
    /// next collection on. What is in the allocation buffers of mutators is not included until the
    /// buffer is full or the heap is collected.
    pub bytes_allocated: u64,
    /// Bytes of objects that survived a minor collection and stayed young.
    pub bytes_copied: u64,
    /// Bytes of objects that were promoted.
    pub bytes_promoted: u64,
    /// Bytes of `bytes_copied` and `bytes_promoted` that GC workers copied, rather than the thread
    /// that led the collection.
    pub bytes_by_helpers: u64,
    /// Objects that were promoted.
    pub objects_promoted: u64,
    /// Bytes freed: in the young generation, and in cells and runs of the old generation.
    pub bytes_freed: u64,
    /// Objects freed in the old generation.
    pub objects_freed: u64,
    /// Compactions of the whole heap at once ([`Mutator::compact`](crate::Mutator::compact)).
    pub compactions: u64,
    /// Old objects that were moved out of sparse blocks, a little in each major (full) cycle, or
    /// all at once.
    pub objects_moved: u64,
    /// Bytes of the cells of these objects.
    pub bytes_moved: u64,
    /// Blocks of 64 KiB that were emptied by that.
    pub blocks_emptied: u64,
    /// Bytes of cells and runs that hold old objects.
    pub old_bytes: usize,
    /// Old objects, including dead ones that the collector has not found yet.
    pub old_objects: usize,
    /// Bytes of the old generation that were live after the last major (full) collection.
    pub live_bytes: usize,
    /// Bytes in the young generation after the last collection.
    pub survivor_bytes: usize,
    /// Bytes of memory in use or kept ready, as counted against the hard limit.
    pub memory_bytes: usize,
    /// Bytes left below the hard limit, `usize::MAX` if there is none.
    /// [`Heap::memory_report`](crate::Heap::memory_report) says what takes the rest.
    pub headroom: usize,
    /// The part of `memory_bytes` that the program reports by
    /// [`ExternalBytes`](crate::ExternalBytes).
    pub external_bytes: usize,
    /// The part of `memory_bytes` that tables and lists take, as of the last collection: of roots,
    /// remembered sets, mark bitmaps.
    pub side_bytes: usize,
    /// The most `memory_bytes` ever was, without what tables and lists took above the hard limit.
    pub memory_peak: usize,
    /// How much is allocated between two minor collections now, by all mutators together: see
    /// [`Thresholds::max_nursery_bytes`].
    ///
    /// [`Thresholds::max_nursery_bytes`]: crate::Thresholds::max_nursery_bytes
    pub nursery_bytes: usize,
    /// Entries of the remembered set after the last collection: pointer slots and cells.
    pub remembered: usize,
    /// How often a collection has looked at an [`Ephemeron`](crate::Ephemeron): at most three times
    /// in each that traces it.
    pub ephemeron_looks: u64,
    /// Keys that were not reached yet and for which ephemerons waited, as of the last pause: only
    /// while a major cycle is marking.
    pub keys_waited_for: usize,
    /// Ephemerons that were cleared because their keys were dead.
    pub ephemerons_cleared: u64,
    /// Dead values that are still to be dropped. Exact: a value counts from when a collection finds
    /// it dead, before any mutator runs again, until its destructor has returned. A thread that
    /// reads 0 sees what the destructors did. An object counts as one, however many values it owns.
    pub drops_pending: usize,
    /// Values dropped since the heap was made. Exact, as `drops_pending` is.
    pub drops_run: u64,
    /// Destructors that panicked.
    pub drops_panicked: u64,
    /// [`Counted`](crate::Counted) objects that other threads have dropped below what they counted,
    /// and that wait until the thread that made them reaches a safepoint, enters
    /// [`blocked`](crate::Mutator::blocked) or detaches. Exact. Objects that only these refer to
    /// are not included: nobody knows of them yet. If a thread reads 0 here and in `drops_pending`
    /// of the same figures, all is gone that others dropped of what it alone made.
    pub counted_waiting: usize,
    /// Objects that the heap knows something of beside their memory: that a weak reference leads to
    /// them, their identity, who watches for their death, who finalizes them. Each takes some 70
    /// bytes of `side_bytes`.
    pub registered: usize,
    /// Values in reference queues and callbacks that are due, which the program has not taken.
    pub news_waiting: usize,
    /// Objects in finalization queues, which the program has not taken.
    pub finalization_waiting: usize,
}

/// How many collections there were of each kind: [`Stats::collections`].
///
/// It is printed as `3 young, 1 promote, 1 full`, with the words of [`Collect`].
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.collect(gc_core::Collect::Full);
/// let collections = heap.stats().collections;
/// assert_eq!((collections.full, collections.total()), (1, 1));
/// println!("{collections}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectCounts {
    /// Minor collections by age ([`Collect::Young`]).
    pub young: u64,
    /// Minor collections that promoted everything ([`Collect::Promote`]).
    pub promote: u64,
    /// Major (full) cycles that have ended ([`Collect::Full`]). The minor collections that begin
    /// and end one are not counted as such.
    pub full: u64,
}

impl CollectCounts {
    /// Returns how many collections there were in all.
    ///
    /// ```
    /// assert_eq!(gc_core::CollectCounts::default().total(), 0);
    /// ```
    #[must_use]
    pub fn total(&self) -> u64 {
        self.young + self.promote + self.full
    }

    /// Counts a collection.
    pub(crate) fn add(&mut self, collected: Collect) {
        match collected {
            Collect::Young => self.young += 1,
            Collect::Promote => self.promote += 1,
            Collect::Full => self.full += 1,
        }
    }
}

impl fmt::Display for CollectCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { young, promote, full } = self;
        write!(f, "{young} {}, {promote} {}, {full} {}", Collect::Young, Collect::Promote, Collect::Full)
    }
}

/// How close the heap is to its next collections. See [`Mutator::counts`](crate::Mutator::counts).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.collect(gc_core::Collect::Young);
/// let counts = m.counts();
/// assert!(counts.young_bytes < heap.thresholds().nursery_bytes);
/// assert_eq!(counts.old_growth, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Bytes allocated since the last collection, young large objects included. Bytes in the
    /// buffers of other mutators are not counted.
    pub young_bytes: usize,
    /// Bytes by which the old generation has grown since the last major (full) cycle.
    pub old_growth: usize,
}
