//! Causes, generations and reports: how users see a request for a collection and its outcome.

use core::{fmt, time::Duration};

/// The reason for a collection, as [`Event::Collection`](crate::Event::Collection) reports it.
///
/// ```
/// assert_eq!(gc_core::Cause::Growth.to_string(), "growth");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The program requested it.
    Explicit,
    /// The young budget was used up, or young objects hold much memory outside the heap. Also the stress setting
    /// `every-allocation`, and a setting that was changed.
    Nursery,
    /// A remembered set was full.
    RememberedSet,
    /// The old generation has grown so much that marking has to begin, or has to end at once.
    Growth,
    /// An allocation was refused: by the hard limit, the reservation or the system.
    Limit,
    /// Nothing has happened in the heap for a while: see [`HeapBuilder::idle_after`](crate::HeapBuilder::idle_after).
    Idle,
    /// The stress setting `every-safepoint`.
    Stress,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit",
            Self::Nursery => "nursery",
            Self::RememberedSet => "remembered_set",
            Self::Growth => "growth",
            Self::Limit => "limit",
            Self::Idle => "idle",
            Self::Stress => "stress",
        })
    }
}

/// Which part of the heap is collected.
///
/// Generations 0 and 1 are always collected together; the variants differ in where survivors go.
///
/// ```
/// # use gc_core::Generation;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert_eq!(m.collect(Generation::Old).generation, Generation::Old);
/// assert!(Generation::Fresh < Generation::Young);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Generation {
    /// Generations 0 and 1, by age: an object that survives its first collection becomes generation 1, and the second one
    /// promotes it. When [`promote_all_every`](crate::Thresholds::promote_all_every) makes it due, this collects as `Young` does.
    Fresh = 0,
    /// Generations 0 and 1, and every survivor is promoted.
    Young = 1,
    /// The whole heap.
    Old = 2,
}

/// What a collection did. See [`Mutator::collect`](crate::Mutator::collect).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.alloc([0_u8; 1000]);
/// let report = m.collect(gc_core::Generation::Old);
/// assert!(report.bytes_freed >= 1000 && report.bytes_freed <= report.bytes_before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectReport {
    /// The oldest generation that was collected.
    pub generation: Generation,
    /// Bytes of objects before the collection, rounded as each generation rounds.
    pub bytes_before: usize,
    /// Bytes of objects that were freed.
    pub bytes_freed: usize,
    /// Old objects that were freed. Young objects are not counted: they cost nothing when they die.
    pub old_objects_freed: usize,
    /// How long the pause took, with the wait for other threads to reach safepoints. For the old generation: the sum of the
    /// pauses that begin and end marking.
    pub pause: Duration,
    /// For the old generation: how long marking took, from the start of its first pause to the end of marking. Otherwise zero.
    pub marking: Duration,
    /// For the old generation: how long sweeping took, from the end of marking until everything was swept. Otherwise zero.
    pub sweeping: Duration,
}

/// What a compaction did. See [`Mutator::compact`](crate::Mutator::compact).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let report = m.compact();
/// assert!(report.memory_after <= report.memory_before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactReport {
    /// The full collection before it.
    pub collection: CollectReport,
    /// Objects that were moved, by the full collection too.
    pub objects_moved: u64,
    /// Bytes of the cells of these objects.
    pub bytes_moved: u64,
    /// Bytes of memory of the heap before ([`MemoryReport::committed`](crate::MemoryReport::committed)).
    pub memory_before: usize,
    /// Bytes of memory of the heap after empty memory went back to the system.
    pub memory_after: usize,
    /// How long the pause took in which objects were moved together, with the wait for other threads to reach safepoints.
    pub pause: Duration,
}
