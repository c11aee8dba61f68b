//! What a collection is asked for, why, and what it did: as users see it.

use core::{fmt, time::Duration};

/// Why a collection happened: part of [`Event::Collection`](crate::Event::Collection).
///
/// ```
/// assert_eq!(gc_core::Cause::Growth.to_string(), "growth");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The program asked for it.
    Explicit,
    /// The young budget was used up, or the remembered set was full.
    Nursery,
    /// The old generation has grown past its goal.
    Growth,
    /// An allocation found the hard limit reached.
    Limit,
    /// The stress setting.
    Stress,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "explicit",
            Self::Nursery => "nursery",
            Self::Growth => "growth",
            Self::Limit => "limit",
            Self::Stress => "stress",
        })
    }
}

/// What is collected.
///
/// Generations 0 and 1 are always collected together; they differ in where survivors go.
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
    /// Generations 0 and 1, by age: survivors of a first collection become generation 1, of a second one old. When the
    /// turn of [`promote_all_every`](crate::Thresholds::promote_all_every) has come, as `Young`.
    Fresh = 0,
    /// Generations 0 and 1: every survivor becomes old.
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
    /// Bytes of objects before, rounded as each generation rounds.
    pub bytes_before: usize,
    /// Bytes of objects that are gone.
    pub bytes_freed: usize,
    /// Old objects that are gone. Young ones are not counted: they cost nothing when they die.
    pub old_objects_freed: usize,
    /// How long it took, from the request on: the wait for other threads to reach safepoints, and the pause.
    pub pause: Duration,
    /// For the old generation: how long marking took, from the beginning of its first pause to the end of the second. Otherwise zero.
    pub marking: Duration,
    /// For the old generation: how long it took from there until everything was swept. Otherwise zero.
    pub sweeping: Duration,
}
