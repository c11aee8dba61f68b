//! Causes, generations and reports: how users see a request for a collection and its outcome.

use core::{fmt, time::Duration};

/// The reason for a collection, as [`Event::Pause`](crate::Event::Pause) reports it.
///
/// ```
/// assert_eq!(gc_core::Cause::Growth.to_string(), "growth");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The program requested it.
    Explicit,
    /// The young budget was used up, or young objects hold much memory outside the heap. Also the
    /// stress setting `every-allocation`, and a setting that was changed.
    Nursery,
    /// A remembered set was full.
    RememberedSet,
    /// The old generation has grown so much that marking has to begin, or has to end at once.
    Growth,
    /// An allocation was refused: by the hard limit, the reservation or the system.
    Limit,
    /// Nothing has happened in the heap for a while: see
    /// [`HeapBuilder::idle_after`](crate::HeapBuilder::idle_after).
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

/// What a collection collects, and where survivors go.
///
/// Python's generations 0 and 1 are the two ages of young objects here. They are always collected
/// together, so it is the survivors that differ. Who has the number of a generation in hand calls
/// [`generation`](Self::generation).
///
/// ```
/// # use gc_core::Collect;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert_eq!(m.collect(Collect::Full).collected, Collect::Full);
/// assert!(Collect::Young < Collect::Promote);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Collect {
    /// The young objects, by age: one that survives its first collection becomes generation 1, and
    /// the second one promotes it. Near the hard limit this collects as `Promote` does.
    Young = 0,
    /// The young objects, and every survivor is promoted: it becomes old.
    Promote = 1,
    /// The whole heap.
    Full = 2,
}

/// Writes `young`, `promote` or `full`.
impl fmt::Display for Collect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Young => "young",
            Self::Promote => "promote",
            Self::Full => "full",
        })
    }
}

impl Collect {
    /// Returns what collects this generation, by its number in Python's `gc.collect(2)`: 0, 1 or 2.
    ///
    /// # Panics
    ///
    /// If there is no such generation.
    ///
    /// ```
    /// assert_eq!(gc_core::Collect::generation(2), gc_core::Collect::Full);
    /// ```
    #[track_caller]
    #[must_use]
    pub const fn generation(number: u8) -> Self {
        match number {
            0 => Self::Young,
            1 => Self::Promote,
            2 => Self::Full,
            _ => panic!("Collect::generation: expected the number of a generation, 0, 1 or 2, found one above 2"),
        }
    }
}

/// What a collection did. See [`Mutator::collect`](crate::Mutator::collect).
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.alloc([0_u8; 1000]);
/// let report = m.collect(gc_core::Collect::Full);
/// assert!(report.bytes_freed >= 1000 && report.bytes_freed <= report.bytes_before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectReport {
    /// What was collected. It may be more than what was asked for.
    pub collected: Collect,
    /// Bytes of objects before the collection, rounded as each generation rounds.
    pub bytes_before: usize,
    /// Bytes of objects that were freed.
    pub bytes_freed: usize,
    /// Old objects that were freed. Young objects are not counted: they cost nothing when they die.
    pub old_objects_freed: usize,
    /// How long the pause took, with the wait for other threads to reach safepoints. For a full
    /// collection: the sum of the pauses that begin and end marking.
    pub pause: Duration,
    /// For a full collection: how long marking took, from the start of its first pause to the end
    /// of marking. Otherwise zero.
    pub marking: Duration,
    /// For a full collection: how long sweeping took, from the end of marking until everything was
    /// swept. Otherwise zero.
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
    /// Bytes of memory of the heap before
    /// ([`MemoryReport::committed`](crate::MemoryReport::committed)).
    pub memory_before: usize,
    /// Bytes of memory of the heap after empty memory went back to the system.
    pub memory_after: usize,
    /// How long the pause took in which objects were moved together, with the wait for other
    /// threads to reach safepoints.
    pub pause: Duration,
}
