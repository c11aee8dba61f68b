//! The settings of a heap, with their checks.

use core::{fmt, num::NonZero, time::Duration};

use crate::{
    memory::BLOCK,
    object::size_class::promotion_reserve,
    space::young::MIN_REGION,
    stats::{Level, event::Hook},
};

use super::{
    error::SettingError,
    stress::{MAX_WORKERS, Stress},
    system_memory,
};

/// The settings that the builder collects.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) thresholds: Thresholds,
    pub(crate) chunk_bytes: usize,
    pub(crate) remembered_entries: usize,
    /// How long a pause may wait for a thread before an event names it as a straggler.
    pub(crate) late_after: Duration,
    pub(crate) idle_after: Duration,
    /// How long a destructor may run before another thread drops what is behind it.
    pub(crate) slow_destructor: Duration,
    /// Whether the thread that releases the heap as the last waits until everything is dropped.
    pub(crate) end_waits: bool,
    /// What becomes of the objects that are still to be finalized when the heap ends.
    pub(crate) unfinalized: Unfinalized,
    /// Threads that copy together in a pause, its leader included.
    pub(crate) workers: usize,
    /// How many mutators can run in parallel, as far as the system reports it.
    pub(crate) cores: usize,
    /// The parallel threshold: bytes that the leader of a pause copies alone, before GC workers
    /// join.
    pub(crate) parallel_threshold: usize,
    /// Bytes of sparse blocks' objects that a major cycle moves, and recorded places that it
    /// updates.
    pub(crate) compact_bytes: usize,
    pub(crate) compact_places: usize,
    pub(crate) reservation: usize,
    pub(crate) hard_limit: Option<usize>,
    /// The hard limit in percent of the memory that the system gives to the process, if it was set
    /// like that.
    pub(crate) hard_limit_percent: Option<usize>,
    pub(crate) soft_limit: Option<usize>,
    pub(crate) auto: bool,
    pub(crate) stress: Stress,
    pub(crate) hook: Hook,
}

/// What becomes of objects that are registered to be finalized, or handed over and not taken, when
/// their heap ends. See [`HeapBuilder::unfinalized`](crate::HeapBuilder::unfinalized).
///
/// ```
/// assert_eq!(gc_core::Unfinalized::default(), gc_core::Unfinalized::Dropped);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unfinalized {
    /// Their values are dropped, as those of all other objects.
    #[default]
    Dropped,
    /// Their values are not dropped: what these own outside of the heap leaks.
    Leaked,
}

/// When collections happen. A program may read and change these values at any time.
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
    /// Bytes allocated between two minor collections, in chunks and large objects, where nothing
    /// speaks for another size of the nursery. This budget applies to each attached mutator, up to
    /// twice as many mutators as there are cores, and is at most an eighth of the hard limit in
    /// all. 4 MiB by default. At least one chunk, at most 4 GiB.
    pub nursery_bytes: usize,
    /// The size that the nursery may grow to. The heap predicts from what survives one and two
    /// collections how much larger ones would copy. It makes the nursery larger where objects live
    /// for a while, and smaller again where that does not pay. 32 MiB by default; it takes up to
    /// two and a half times as much memory. What is less than `nursery_bytes` counts as that, so
    /// the nursery never grows.
    pub max_nursery_bytes: usize,
    /// How many bytes a minor collection should copy at most; each pointer that it looks at counts
    /// as 32 bytes. Where that would be exceeded, the nursery is smaller than it would be
    /// otherwise, down to a quarter of `nursery_bytes`, unless most of what dies then would be
    /// copied first. 8 MiB by default, which takes about 3 ms of one thread's time. With 1 MiB most
    /// pauses are shorter than half a millisecond. With `usize::MAX` pauses do not matter.
    pub copied_goal: usize,
    /// By how many percent the old generation grows over the size that was live after the last
    /// major (full) cycle, before the next one. 100 by default; at least 1. Where objects are
    /// large, so that marking them costs little, cycles are more frequent: the old generation grows
    /// by 384 bytes for each object, or by a quarter of this if that is more.
    pub growth_percent: u32,
    /// The old generation grows to this many bytes without a major cycle. 16 MiB by default.
    pub growth_floor: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            nursery_bytes: 4 << 20,
            max_nursery_bytes: 32 << 20,
            copied_goal: 8 << 20,
            growth_percent: 100,
            growth_floor: 16 << 20,
        }
    }
}

/// Why a heap was not made.
///
/// ```
/// use gc_core::{BuildError, Heap};
///
/// let error = Heap::builder().hard_limit(1).build().err();
/// assert!(matches!(error, Some(BuildError::Setting(error)) if error.name == "hard_limit" && error.found == "1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting of the builder is out of its range, or a variable of the environment has another
    /// form.
    Setting(SettingError),
    /// The system refused address space, even for the smallest reservation that holds the settings.
    Reservation {
        /// Bytes of the last attempt.
        bytes: usize,
        /// The system's error message.
        os: String,
    },
    /// The system refused to start the thread of the observer of memory pressure. This is its error
    /// message.
    Thread(String),
}

/// Its message is that of the [`SettingError`], where it is one, and it has no
/// [`source`](std::error::Error::source).
impl std::error::Error for BuildError {}

impl From<SettingError> for BuildError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => fmt::Display::fmt(error, f),
            Self::Reservation { bytes, os } => write!(
                f,
                "could not reserve {bytes} bytes of address space ({os}): raise the process's limit on virtual memory \
                 (ulimit -v), or set a smaller reservation, nursery or hard limit"
            ),
            Self::Thread(os) => write!(
                f,
                "could not start the thread of the observer of memory pressure ({os}): raise the process's limit on threads \
                 (ulimit -u) or memory, or set no observer"
            ),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            thresholds: Thresholds::default(),
            chunk_bytes: 256 << 10,
            remembered_entries: 1 << 18,
            late_after: Duration::from_secs(1),
            idle_after: Duration::from_secs(5),
            slow_destructor: Duration::from_secs(1),
            end_waits: true,
            unfinalized: Unfinalized::default(),
            workers: cores.min(DEFAULT_WORKERS),
            cores,
            parallel_threshold: 512 << 10,
            compact_bytes: 256 << 10,
            compact_places: 1 << 15,
            reservation: DEFAULT_RESERVATION,
            hard_limit: None,
            hard_limit_percent: None,
            soft_limit: None,
            auto: true,
            stress: Stress::default(),
            hook: Hook::printing(Level::Warning),
        }
    }
}

/// 64 GiB of address space, which costs nothing until it is used. Halved while the system refuses
/// it.
const DEFAULT_RESERVATION: usize = 64 << 30;
/// The most workers by default: a minor collection has no work for more.
const DEFAULT_WORKERS: usize = 8;
/// The smallest chunk.
pub(crate) const MIN_CHUNK: usize = MIN_REGION;
/// The shortest time after which a thread counts as a straggler, or a destructor as slow: each
/// warning is an event.
const MIN_LATE: Duration = Duration::from_millis(1);
const MIN_IDLE: Duration = Duration::from_millis(1);
/// The largest chunk.
const MAX_CHUNK: usize = 16 << 20;

impl Config {
    /// Applies the stress settings, and checks all settings.
    pub(crate) fn checked(mut self) -> Result<Self, SettingError> {
        if self.stress.tiny_nursery {
            self.chunk_bytes = MIN_CHUNK;
            self.thresholds.nursery_bytes = MIN_CHUNK;
            self.thresholds.max_nursery_bytes = MIN_CHUNK;
            self.remembered_entries = 8;
        }
        if self.stress.compact.is_some() {
            self.compact_bytes = usize::MAX;
            self.compact_places = usize::MAX >> 2;
        }
        if self.stress.compact_places != 0 {
            self.compact_places = self.stress.compact_places as usize;
        }
        if self.stress.workers != 0 {
            self.workers = self.stress.workers as usize;
            self.parallel_threshold = 0;
        }
        self.check()?;
        if let Some(percent) = self.hard_limit_percent {
            self.hard_limit = Some(bytes_of(percent)?);
        }
        self.check_limits()?;
        Ok(self)
    }

    /// Checks each setting by itself.
    fn check(&self) -> Result<(), SettingError> {
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            let expected = format!("from 1 to {MAX_WORKERS} threads");
            let advice = "by default there are as many as the system offers, up to 8";
            return Err(SettingError::new("workers", expected, self.workers.to_string(), advice));
        }
        let chunk = self.chunk_bytes;
        if !chunk.is_power_of_two() || !(MIN_CHUNK..=MAX_CHUNK).contains(&chunk) {
            let expected = format!("a power of two from {MIN_CHUNK} to {MAX_CHUNK} bytes");
            let near = chunk.clamp(MIN_CHUNK, MAX_CHUNK).next_power_of_two();
            return Err(SettingError::new("chunk_bytes", expected, chunk.to_string(), format!("{near} would do")));
        }
        if self.remembered_entries == 0 {
            let advice = "262144 are the default, fewer lead to more collections";
            return Err(SettingError::new("remembered_entries", "at least 1 entry", "0", advice));
        }
        self.thresholds.check(chunk)?;
        for (name, time, least, advice) in [
            ("late_after", self.late_after, MIN_LATE, "a second is the default, and each warning is an event"),
            (
                "slow_destructor",
                self.slow_destructor,
                MIN_LATE,
                "a second is the default, and each slow destructor starts a thread",
            ),
            ("idle_after", self.idle_after, MIN_IDLE, "with `Duration::MAX` the heap is never idle"),
        ] {
            if time < least {
                return Err(SettingError::new(name, format!("at least {least:?}"), format!("{time:?}"), advice));
            }
        }
        Ok(())
    }

    /// Checks what depends on the size of the nursery, and the limits against each other.
    fn check_limits(&self) -> Result<(), SettingError> {
        let (least, nursery) = (self.least_bytes(), self.thresholds.nursery_bytes);
        if self.reservation < least.saturating_mul(4) {
            let expected = format!("at least {} bytes for a nursery of {nursery}", least.saturating_mul(4));
            let advice =
                "reserve more, which costs nothing until it is used, or set a smaller nursery (`nursery_bytes`)";
            return Err(SettingError::new("reservation", expected, self.reservation.to_string(), advice));
        }
        if let Some(limit) = self.hard_limit
            && limit < least
        {
            let expected =
                format!("at least {least} bytes (a nursery of {nursery} and the memory to promote all of it into)");
            let advice = "raise the limit, or set a smaller nursery (`nursery_bytes`)";
            let name = if self.hard_limit_percent.is_some() { "hard_limit_percent" } else { "hard_limit" };
            return Err(SettingError::new(name, expected, limit.to_string(), advice));
        }
        if let (Some(soft), Some(hard)) = (self.soft_limit, self.hard_limit)
            && soft > hard
        {
            let expected = format!("at most the hard limit of {hard} bytes");
            let advice = "lower the soft limit, or raise the hard one";
            return Err(SettingError::new("soft_limit", expected, soft.to_string(), advice));
        }
        Ok(())
    }

    /// Returns the least address space that holds the settings.
    pub(crate) fn least_reservation(&self) -> usize {
        let limit = self.hard_limit.unwrap_or(0).max(self.thresholds.nursery_bytes.saturating_mul(4));
        limit.saturating_mul(4).max(64 << 20)
    }

    /// Returns the bytes that a heap needs as soon as its nursery is full: the nursery, and the
    /// blocks to promote it into.
    fn least_bytes(&self) -> usize {
        let nursery = self.thresholds.nursery_bytes.saturating_add(2 * self.chunk_bytes);
        nursery.saturating_add(promotion_reserve(nursery).saturating_mul(BLOCK))
    }
}

impl Thresholds {
    /// Checks the values against the size of a chunk.
    pub(crate) fn check(&self, chunk: usize) -> Result<(), SettingError> {
        let nursery = self.nursery_bytes;
        if nursery < chunk || nursery > MAX_NURSERY {
            let expected = format!("from one chunk ({chunk} bytes) to {MAX_NURSERY} bytes");
            let advice = "a smaller one needs smaller chunks (`HeapBuilder::chunk_bytes`)";
            return Err(SettingError::new("nursery_bytes", expected, nursery.to_string(), advice));
        }
        if self.growth_percent == 0 {
            let advice = "100 is the default; with less, full collections are more frequent, and less memory is taken";
            return Err(SettingError::new("growth_percent", "at least 1 percent", "0", advice));
        }
        Ok(())
    }
}

/// Returns so many percent of the memory that the system gives to the process.
fn bytes_of(percent: usize) -> Result<usize, SettingError> {
    let refused = |expected| {
        let advice = "set the limit in bytes (`hard_limit`), or none";
        SettingError::new("hard_limit_percent", expected, percent.to_string(), advice)
    };
    if !(1..=100).contains(&percent) {
        return Err(refused("from 1 to 100 percent"));
    }
    let memory = system_memory::bytes().ok_or_else(|| refused("a system that says how much memory it has"))?;
    Ok(memory / 100 * percent)
}

const MAX_NURSERY: usize = 4 << 30;
