//! The statistics of a heap: counters, pauses, reports and events. These are data, and know nothing
//! of how a collection works.

pub(crate) mod amount;
pub(crate) mod counters;
pub(crate) mod event;
pub(crate) mod figures;
pub(crate) mod histogram;
pub(crate) mod memory;
pub(crate) mod mmu;
pub(crate) mod recorder;
pub(crate) mod report;

pub use amount::Amount;
pub use counters::{CollectCounts, Counts, Stats};
pub use event::{Event, Level, Step};
pub use histogram::Histogram;
pub use memory::{FreeCells, MemoryReport};
pub use report::{Cause, Collect, CollectReport, CompactReport};
