//! Where objects were allocated: what Python's `tracemalloc` is for.
//!
//! While tracking is on, some of the allocations are *samples*: the place in the source, the type
//! and perhaps the backtrace are recorded, and kept for as long as the object lives, wherever it
//! moves. Each sample stands for others that were not taken, so the figures are estimates of all
//! that was allocated, and of all that lives. On the average one is taken for each 512 KiB: then
//! tracking may stay on in production. With [`SitesConfig::exact`] every allocation is a sample,
//! and the figures are exact.
//!
//! ```
//! use gc_core::{Gc, Heap, observe::sites::{self, GroupBy, SitesConfig}};
//!
//! let heap = Heap::builder().build()?;
//! sites::start(&heap, SitesConfig::exact());
//! let mut m = heap.attach()?;
//! let kept: Vec<_> = (0..100).map(|n| m.root(m.alloc([n; 4]))).collect();
//! m.alloc_str("dies young");
//! m.collect(gc_core::Collect::Promote);
//!
//! let snapshot = sites::snapshot(&m);
//! let top = &snapshot.statistics(GroupBy::Site)[0];
//! assert_eq!((top.live.objects, top.live.bytes), (100, 100 * 24));
//! assert!(top.key.contains(".rs:"));
//! println!("{snapshot}"); // the ten largest
//! # drop(kept);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Python | here |
//! |---|---|
//! | `tracemalloc.start(nframe)`, `-X tracemalloc=N` | [`start`], [`HeapBuilder::sites`](crate::HeapBuilder::sites), `GC_CORE_SITES` |
//! | `stop`, `is_tracing`, `clear_traces` | [`stop`], [`is_tracing`], [`clear`] |
//! | `get_traceback_limit` | [`config`] |
//! | `get_traced_memory`, `reset_peak`, `get_tracemalloc_memory` | [`traced_memory`], [`reset_peak`], [`tracking_bytes`] |
//! | `take_snapshot`, `Snapshot.traces` | [`snapshot`], [`Snapshot::traces`] |
//! | `Snapshot.statistics(key, cumulative)` | [`Snapshot::statistics`], [`Snapshot::cumulative`] |
//! | `Snapshot.compare_to`, `filter_traces` | [`Snapshot::compare_to`], [`Snapshot::filter`] |
//! | `Snapshot.dump`, `load` | [`Snapshot::save`], [`Snapshot::load`] |
//! | `Statistic`, `StatisticDiff`, `Filter`, `Frame`, `Trace` | [`Statistic`], [`StatisticDiff`], [`Filter`], [`Frame`], [`SiteTrace`] |
//! | `get_object_traceback` | [`site_of`], [`backtrace_of`]; of a root [`site_of_root`] |
//!
//! # What is counted
//!
//! Objects of the heap, each with its header: not what they own elsewhere, and no weak cells. A
//! heap's own tables are in [`Stats::side_bytes`](crate::Stats::side_bytes), those of tracking
//! among them. While it is on, [`Stats::registered`](crate::Stats::registered) counts samples, too.
//!
//! An object counts as live until a collection finds it dead. Those of generation 2 are found dead
//! by major (full) collections only.
//!
//! # What is new since a mark
//!
//! What is alive in a snapshot was allocated since `start`, or since the last [`clear`]. So with
//! every allocation a sample, `clear` sets a mark, and a later snapshot has exactly what was
//! allocated since then and is still alive, by type and by site. Python: `objgraph.get_new_ids`.
//!
//! # How samples are taken
//!
//! Each byte is hit with the same probability, 1 / `sample_bytes`, so the distances between hits
//! are exponential, and an object with a hit is a sample. One of *s* bytes stands for 1 / (1 −
//! exp(−*s* / `sample_bytes`)) objects like it: an estimate without bias, whose relative standard
//! deviation is about 1 / √*n* for *n* samples. The heap profilers of TCMalloc, jemalloc and Go do
//! the same.
//!
//! A mutator takes the sample in the slow path of allocation, where its buffer seems to end. So the
//! fast path does nothing for it. A mutator that runs when tracking is started or stopped follows
//! when it next takes that path: at the end of its buffer, after 256 KiB by default, or after the
//! next collection. The one of the thread that calls `start` or `stop` follows at once.

mod file;
mod filter;
mod frames;
mod snapshot;
mod statistics;

use std::sync::Arc;

pub use file::LoadError;
pub use filter::Filter;
pub use frames::Frame;
pub use snapshot::{Estimate, Site, SiteTrace, Snapshot};
pub use statistics::{GroupBy, Statistic, StatisticDiff};

pub use crate::settings::SitesConfig;
use crate::{
    Gc, Heap, Mutator, Root,
    collector::sampling,
    registered::Record,
    trace::{Object, Trace},
};

/// Starts to track allocation sites, unless that is on. Returns whether it starts: if not, nothing
/// changes. Python: `tracemalloc.start`.
///
/// What was allocated before is not known.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().build()?;
/// assert!(sites::start(&heap, SitesConfig::default()));
/// assert!(!sites::start(&heap, SitesConfig::exact()) && sites::is_tracing(&heap));
/// assert!(sites::stop(&heap) && !sites::is_tracing(&heap));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn start(heap: &Heap, config: SitesConfig) -> bool {
    sampling::start(heap.collector(), config)
}

/// Stops to track, and forgets all that is known. Returns whether tracking was on. Python:
/// `tracemalloc.stop`.
///
/// Takes some tens of nanoseconds for each live sample; no thread waits for it longer than some
/// tens of microseconds.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// assert!(!gc_core::observe::sites::stop(&heap));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stop(heap: &Heap) -> bool {
    sampling::stop(heap.collector())
}

/// Returns whether allocation sites are tracked. Python: `tracemalloc.is_tracing`.
///
/// ```
/// use gc_core::observe::sites;
/// let heap = gc_core::Heap::builder().sites(sites::SitesConfig::default()).build()?;
/// assert!(sites::is_tracing(&heap));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn is_tracing(heap: &Heap) -> bool {
    heap.collector().sites.number() != 0
}

/// Returns the settings of tracking, if it is on. Python: `tracemalloc.get_traceback_limit`, for
/// the number of frames.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// let heap = gc_core::Heap::builder().sites(SitesConfig { frames: 7, ..SitesConfig::default() }).build()?;
/// assert_eq!(sites::config(&heap).map(|config| config.frames), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn config(heap: &Heap) -> Option<SitesConfig> {
    heap.collector().sites.session().map(|session| session.config)
}

/// Forgets all that is known, and goes on tracking with the same settings. Does nothing if tracking
/// is off. Python: `tracemalloc.clear_traces`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1);
/// sites::clear(&heap);
/// assert_eq!(sites::traced_memory(&heap), (0, 0));
/// assert!(sites::is_tracing(&heap));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn clear(heap: &Heap) {
    if let Some(config) = config(heap)
        && stop(heap)
    {
        start(heap, config);
    }
}

/// Returns the bytes of live objects that were allocated while tracking was on, and the most that
/// there were since then or since the last [`reset_peak`]. Both are estimates, and 0 while tracking
/// is off. Takes constant time. Python: `tracemalloc.get_traced_memory`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let mut m = heap.attach()?;
/// m.alloc([0_u64; 4]);
/// assert_eq!(sites::traced_memory(&heap), (40, 40));
/// m.collect(gc_core::Collect::Young);
/// assert_eq!(sites::traced_memory(&heap), (0, 40));
/// sites::reset_peak(&heap);
/// assert_eq!(sites::traced_memory(&heap), (0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn traced_memory(heap: &Heap) -> (u64, u64) {
    heap.collector().sites.session().map_or((0, 0), |session| session.totals.traced())
}

/// Sets the peak of [`traced_memory`] to what is live now. Python: `tracemalloc.reset_peak`.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// gc_core::observe::sites::reset_peak(&heap);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reset_peak(heap: &Heap) {
    if let Some(session) = heap.collector().sites.session() {
        session.totals.reset_peak();
    }
}

/// Returns about how many bytes tracking takes itself. Python:
/// `tracemalloc.get_tracemalloc_memory`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1);
/// assert!(sites::tracking_bytes(&heap) > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn tracking_bytes(heap: &Heap) -> usize {
    sampling::side_bytes(heap.collector())
}

/// Returns what is known of all sites: owned data, which a program may keep, compare and save.
/// Empty while tracking is off. Python: `tracemalloc.take_snapshot`.
///
/// Takes some tens of nanoseconds for each registered object, and no stop: other threads go on, and
/// what they allocate meanwhile may be in it or not.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// let name = m.alloc_str("Ada");
/// let snapshot = sites::snapshot(&m);
/// assert_eq!(snapshot.traces()[0].type_name(), "str");
/// assert_eq!(snapshot.live().objects, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn snapshot(mutator: &Mutator) -> Snapshot {
    Snapshot::take(mutator.collector())
}

/// Calls `read` with the record of an object, if it is a sample.
fn with_record<'gc, T: Object + ?Sized, R>(
    mutator: &'gc Mutator,
    object: Gc<'gc, T>,
    read: impl FnOnce(&Arc<Record>) -> R,
) -> Option<R> {
    let found = mutator.collector().registered.with_existing(object.address(), |entry| {
        let sample = entry.extras.as_ref()?.sample.as_ref().filter(|sample| !sample.has_ended())?;
        Some(sample.record().clone())
    });
    found.flatten().map(|record| read(&record))
}

/// Returns where an object was allocated, if it is a sample. Python:
/// `tracemalloc.get_object_traceback`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let mut m = heap.attach()?;
/// let (line, object) = (line!(), m.root(m.alloc(1)));
/// m.collect(gc_core::Collect::Promote); // moves it
/// assert_eq!(sites::site_of(&m, object.get(&m)).map(|site| site.line()), Some(line));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn site_of<'gc, T: Object + ?Sized>(mutator: &'gc Mutator, object: Gc<'gc, T>) -> Option<Site> {
    with_record(mutator, object, |record| Site::of(record.place))
}

/// Returns the backtrace of the allocation of an object, if it is a sample and frames were
/// recorded: see [`SitesConfig::frames`]. The frames have their names, which takes milliseconds the
/// first time. Python: `tracemalloc.get_object_traceback`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig { frames: 4, ..SitesConfig::exact() }).build()?;
/// # let m = heap.attach()?;
/// let object = m.alloc(1);
/// for frame in sites::backtrace_of(&m, object).unwrap_or_default() {
///     println!("{frame}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn backtrace_of<'gc, T: Object + ?Sized>(mutator: &'gc Mutator, object: Gc<'gc, T>) -> Option<Vec<Frame>> {
    let most = mutator.collector().sites.session()?.config.frames;
    let addresses = with_record(mutator, object, |record| record.frames.clone())?;
    (!addresses.is_empty()).then(|| frames::symbolised(addresses.iter().map(|&address| address as u64), most))
}

/// Returns where a root was made, if that was while tracking was on. Takes a lock, and no mutator.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::default()).build()?;
/// # let m = heap.attach()?;
/// let (line, root) = (line!(), m.root(7_u8));
/// assert_eq!(sites::site_of_root(&root).map(|site| site.line()), Some(line));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn site_of_root<T: Trace>(root: &Root<T>) -> Option<Site> {
    root.place_of_making().map(|place| Site::of(Some(place)))
}
