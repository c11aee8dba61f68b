//! The settings of a heap, checked.

use core::{fmt, num::NonZero, time::Duration};

use crate::{
    memory::BLOCK,
    object::{MAX_SMALL, size_class::promotion_reserve},
    stats::event::Hook,
};

use super::stress::Stress;

/// The settings as the builder takes them.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) thresholds: Thresholds,
    pub(crate) chunk_bytes: usize,
    pub(crate) remembered_entries: usize,
    /// How long a stop may take before those that it waits for are named.
    pub(crate) late_after: Duration,
    /// Threads that collect together.
    pub(crate) workers: usize,
    /// Mutators that really run at once, as far as the system says.
    pub(crate) cores: usize,
    /// Bytes that a pause copies before it asks others to help.
    pub(crate) parallel_threshold: usize,
    pub(crate) reservation: usize,
    pub(crate) hard_limit: Option<usize>,
    pub(crate) soft_limit: Option<usize>,
    pub(crate) auto: bool,
    pub(crate) stress: Stress,
    pub(crate) hook: Hook,
}

/// When collections happen. Readable and settable while the program runs.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// let mut thresholds = heap.thresholds();
/// thresholds.growth_percent = 50;
/// heap.set_thresholds(thresholds)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Bytes allocated between two young collections, in chunks and large objects, for each attached mutator up to twice the
    /// number of cores, and up to an eighth of the hard limit in all. 4 MiB by default; from 8 MiB on allocation slows down, as the nursery no
    /// longer fits the caches. From a chunk to 4 GiB.
    pub nursery_bytes: usize,
    /// What a young collection should copy at most, in bytes; a place in the remembered set counts as 32. Where one copies more, the next
    /// comes earlier, after a quarter of `nursery_bytes` at the earliest. 8 MiB by default, about 3 ms of one thread's time; 1 MiB makes
    /// most pauses shorter than half a millisecond, and costs a program whose objects die late up to half of its speed, as they are
    /// promoted before. `usize::MAX`: the nursery is always as large as it says.
    pub copied_goal: usize,
    /// Every so many young collections, one promotes everything, whatever its age. 0: never. 16 by default.
    pub promote_all_every: u32,
    /// By how much the old generation grows over what was live after the last full collection before the next one,
    /// in percent. 100 by default; at least 1.
    pub growth_percent: u32,
    /// Below this many bytes the old generation grows without a full collection. 16 MiB by default.
    pub growth_floor: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            nursery_bytes: 4 << 20,
            copied_goal: 8 << 20,
            promote_all_every: 16,
            growth_percent: 100,
            growth_floor: 16 << 20,
        }
    }
}

/// A setting that cannot be, or a system that refused.
///
/// ```
/// use gc_core::{BuildError, Heap};
///
/// let error = Heap::builder().hard_limit(1).build().err();
/// assert!(matches!(error, Some(BuildError::Setting { name: "hard_limit", found: 1, .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is out of its range.
    Setting {
        /// The setting's name, as the builder's method.
        name: &'static str,
        /// What was found.
        found: usize,
        /// What would do.
        expected: String,
    },
    /// The environment variable `GC_CORE_STRESS` could not be read.
    Stress(super::stress::ParseStressError),
    /// The system refused address space down to the smallest reservation that holds the settings.
    Reservation {
        /// Bytes of the last attempt.
        bytes: usize,
        /// What the system said.
        os: String,
    },
    /// The system refused a thread for the background collector.
    Thread(String),
}

impl std::error::Error for BuildError {}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { name, found, expected } => write!(f, "{name}: expected {expected}, found {found}"),
            Self::Stress(error) => write!(f, "GC_CORE_STRESS: {error}"),
            Self::Reservation { bytes, os } => write!(
                f,
                "could not reserve {bytes} bytes of address space ({os}): raise the process's limit on virtual memory \
                 (ulimit -v), or set a smaller reservation, nursery or hard limit"
            ),
            Self::Thread(os) => write!(f, "could not start the background collector's thread: {os}"),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            thresholds: Thresholds::default(),
            chunk_bytes: 256 << 10,
            remembered_entries: 1 << 13,
            late_after: Duration::from_secs(1),
            workers: cores.min(DEFAULT_WORKERS),
            cores,
            parallel_threshold: 512 << 10,
            reservation: DEFAULT_RESERVATION,
            hard_limit: None,
            soft_limit: None,
            auto: true,
            stress: Stress::default(),
            hook: Hook::default(),
        }
    }
}

/// 64 GiB of address space: costs nothing until it is used. Halved where the system refuses.
const DEFAULT_RESERVATION: usize = 64 << 30;
/// Workers by default, at most: a young collection has no work for more.
const DEFAULT_WORKERS: usize = 8;
/// Workers, at most.
const MAX_WORKERS: usize = 64;
/// The smallest chunk: holds the largest small object at any alignment.
pub(crate) const MIN_CHUNK: usize = 16 << 10;
/// The shortest time after which a thread is late: each warning is an event.
const MIN_LATE: Duration = Duration::from_millis(1);
/// The largest chunk.
const MAX_CHUNK: usize = 16 << 20;

impl Config {
    /// Fits settings to each other as stress asks, and checks them.
    pub(crate) fn checked(mut self) -> Result<Self, BuildError> {
        const { assert!(MIN_CHUNK > MAX_SMALL + crate::object::MAX_ALIGN) };
        if self.stress.tiny_nursery {
            self.chunk_bytes = MIN_CHUNK;
            self.thresholds.nursery_bytes = MIN_CHUNK;
            self.remembered_entries = 8;
        }
        if self.stress.workers != 0 {
            self.workers = self.stress.workers as usize;
            self.parallel_threshold = 0;
        }
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            let expected = format!("from 1 to {MAX_WORKERS} threads");
            return Err(BuildError::Setting { name: "workers", found: self.workers, expected });
        }
        let chunk = self.chunk_bytes;
        if !chunk.is_power_of_two() || !(MIN_CHUNK..=MAX_CHUNK).contains(&chunk) {
            let expected = format!("a power of two from {MIN_CHUNK} to {MAX_CHUNK} bytes");
            return Err(BuildError::Setting { name: "chunk_bytes", found: chunk, expected });
        }
        if self.remembered_entries == 0 {
            let expected = "at least 1 entry".to_owned();
            return Err(BuildError::Setting { name: "remembered_entries", found: 0, expected });
        }
        self.thresholds.check(chunk)?;
        if self.late_after < MIN_LATE {
            let expected = format!("at least {MIN_LATE:?}");
            let found = self.late_after.as_nanos() as usize;
            return Err(BuildError::Setting { name: "late_after", found, expected });
        }
        let least = self.least_bytes();
        if self.reservation < least * 4 {
            let expected = format!("at least {} bytes for a nursery of {}", least * 4, self.thresholds.nursery_bytes);
            return Err(BuildError::Setting { name: "reservation", found: self.reservation, expected });
        }
        if let Some(limit) = self.hard_limit
            && limit < least
        {
            let expected = format!(
                "at least {least} bytes: a nursery of {} and the memory to promote all of it into",
                self.thresholds.nursery_bytes
            );
            return Err(BuildError::Setting { name: "hard_limit", found: limit, expected });
        }
        if let (Some(soft), Some(hard)) = (self.soft_limit, self.hard_limit)
            && soft > hard
        {
            let expected = format!("at most the hard limit of {hard} bytes");
            return Err(BuildError::Setting { name: "soft_limit", found: soft, expected });
        }
        Ok(self)
    }

    /// The least address space that holds the settings.
    pub(crate) fn least_reservation(&self) -> usize {
        let limit = self.hard_limit.unwrap_or(0).max(self.thresholds.nursery_bytes.saturating_mul(4));
        limit.saturating_mul(4).max(64 << 20)
    }

    /// What a heap takes as soon as its nursery is full: the nursery, and blocks to promote it into.
    fn least_bytes(&self) -> usize {
        let nursery = self.thresholds.nursery_bytes.saturating_add(2 * self.chunk_bytes);
        nursery.saturating_add(promotion_reserve(nursery).saturating_mul(BLOCK))
    }
}

impl Thresholds {
    /// Checks the values against the chunk's size.
    pub(crate) fn check(&self, chunk: usize) -> Result<(), BuildError> {
        if self.nursery_bytes < chunk || self.nursery_bytes > MAX_NURSERY {
            let expected = format!("from one chunk ({chunk} bytes) to {MAX_NURSERY} bytes");
            return Err(BuildError::Setting { name: "nursery_bytes", found: self.nursery_bytes, expected });
        }
        if self.growth_percent == 0 {
            let expected = "at least 1 percent".to_owned();
            return Err(BuildError::Setting { name: "growth_percent", found: 0, expected });
        }
        Ok(())
    }
}

const MAX_NURSERY: usize = 4 << 30;
