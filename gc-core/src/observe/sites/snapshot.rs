//! A snapshot: what is known of all sites at one moment.

use core::{fmt, panic::Location};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    collector::{Collector, sampling},
    registered::{ONE, OTHERS, Record, Weighed},
};

use super::frames::{self, Frame};

/// Objects and their bytes: estimates, unless every allocation was a sample.
///
/// ```
/// assert_eq!(gc_core::observe::sites::Estimate::default().bytes, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Estimate {
    /// The number of objects.
    pub objects: u64,
    /// Their bytes, with headers.
    pub bytes: u64,
}

impl Estimate {
    /// Rounds down: so what is live in three generations is no more than what was allocated.
    fn of(weighed: Weighed) -> Self {
        Self { objects: weighed.objects / ONE, bytes: weighed.bytes }
    }

    /// Returns the sum, or the largest number where there is none so large.
    pub(super) fn plus(self, other: Self) -> Self {
        let Self { objects, bytes } = other;
        Self { objects: self.objects.saturating_add(objects), bytes: self.bytes.saturating_add(bytes) }
    }
}

/// A place in the source: where an object was allocated, or a root was made. Prints as
/// `file:line:column`.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// let site = sites::site_of(&m, m.alloc(1)).unwrap();
/// assert_eq!(site.to_string(), format!("{}:{}:{}", site.file(), site.line(), site.column()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    pub(super) file: Arc<str>,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Site {
    pub(super) fn of(place: Option<&Location<'static>>) -> Self {
        let (file, line, column) = place.map_or((OTHERS, 0, 0), |place| (place.file(), place.line(), place.column()));
        Self { file: file.into(), line, column }
    }

    /// Returns the source file, as the compiler was given it. `(others)` for the sites that found
    /// no room.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, from 1 on; 0 for the sites that found no room.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column, from 1 on; 0 for the sites that found no room.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }

    /// Returns whether it stands for all sites that found no room: see
    /// [`SitesConfig::max_sites`](super::SitesConfig::max_sites).
    #[must_use]
    pub fn is_others(&self) -> bool {
        self.line == 0 && &*self.file == OTHERS
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_others() {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What was allocated at one site, of one type, with one backtrace. Python: `tracemalloc.Trace`,
/// for all of a site together.
///
/// It has what a row of a `pprof` file has: the stack, the labels, and the objects and bytes that
/// were allocated and that are live.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let mut m = heap.attach()?;
/// let kept = m.root(m.alloc(1_u64));
/// m.collect(gc_core::Collect::Full);
/// let snapshot = sites::snapshot(&m);
/// let trace = &snapshot.traces()[0];
/// assert_eq!((trace.type_name(), trace.allocated().objects), ("u64", 1));
/// assert_eq!(trace.live_in(2).bytes, 16);
/// # drop(kept);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteTrace {
    pub(super) type_name: Arc<str>,
    pub(super) site: Site,
    pub(super) backtrace: Arc<[Frame]>,
    pub(super) allocated: Estimate,
    pub(super) lost: Estimate,
    pub(super) live: [Estimate; 3],
}

impl SiteTrace {
    /// Returns the name of the type: `(others)` for all types of the sites that found no room.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Returns the site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Returns the backtrace, the innermost frame first: empty, unless
    /// [frames](super::SitesConfig::frames) were recorded.
    #[must_use]
    pub fn backtrace(&self) -> &[Frame] {
        &self.backtrace
    }

    /// Returns what was allocated since tracking began.
    #[must_use]
    pub fn allocated(&self) -> Estimate {
        self.allocated
    }

    /// Returns what of it is not followed, though it may be live: there was no room for its samples
    /// ([`SitesConfig::max_samples`](super::SitesConfig::max_samples)).
    #[must_use]
    pub fn lost(&self) -> Estimate {
        self.lost
    }

    /// Returns what is live.
    #[must_use]
    pub fn live(&self) -> Estimate {
        self.live.into_iter().fold(Estimate::default(), Estimate::plus)
    }

    /// Returns what is live in generation 0, 1 or 2, and nothing for others.
    #[must_use]
    pub fn live_in(&self, generation: usize) -> Estimate {
        self.live.get(generation).copied().unwrap_or_default()
    }
}

/// What is known of all sites at one moment: made by [`snapshot`](super::snapshot()). Python:
/// `tracemalloc.Snapshot`.
///
/// Prints the ten sites with the most live bytes.
///
/// ```
/// use gc_core::observe::sites::{self, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1_u64);
/// assert!(sites::snapshot(&m).to_string().contains("1 objects, 16 bytes"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) sample_bytes: u64,
    pub(super) frames: u32,
    pub(super) traced: (u64, u64),
    pub(super) traces: Vec<SiteTrace>,
}

impl Snapshot {
    pub(super) fn take(collector: &Collector) -> Self {
        let Some(session) = collector.sites.session() else { return Self::default() };
        let mut live: HashMap<*const Record, [Weighed; 3]> = HashMap::new();
        sampling::for_each_sample(collector, |sample, generation| {
            let record = sample.record();
            // Of another session, which has begun meanwhile.
            if !Arc::ptr_eq(&record.totals, &session.totals) {
                return;
            }
            let sum = &mut live.entry(Arc::as_ptr(record)).or_default()[generation];
            sum.objects += sample.weighed().objects;
            sum.bytes += sample.weighed().bytes;
        });
        // What was allocated is read after what is live, so it is as much at least. Whatever leads to one record is one name.
        let mut names: HashMap<&'static str, Arc<str>> = HashMap::new();
        let mut traces = BTreeMap::<_, SiteTrace>::new();
        for record in collector.sites.records() {
            if !Arc::ptr_eq(&record.totals, &session.totals) {
                continue;
            }
            let type_name = names.entry(record.type_name).or_insert_with(|| record.type_name.into()).clone();
            let live = live.get(&Arc::as_ptr(&record)).copied().unwrap_or_default();
            let (allocated, lost) = record.allocated();
            let trace = SiteTrace {
                type_name,
                site: Site::of(record.place),
                backtrace: record.frames.iter().map(|&address| Frame::at(address as u64)).collect(),
                allocated: Estimate::of(allocated),
                lost: Estimate::of(lost),
                live: live.map(Estimate::of),
            };
            let key = (trace.site.clone(), trace.type_name.clone(), trace.backtrace.clone());
            traces.entry(key).and_modify(|same| same.add(&trace)).or_insert(trace);
        }
        Self {
            sample_bytes: session.config.sample_bytes as u64,
            frames: session.config.frames.min(crate::settings::MAX_FRAMES) as u32,
            traced: session.totals.traced(),
            traces: traces.into_values().collect(),
        }
    }

    /// Returns the mean of the bytes from one sample to the next: 0 if every allocation was one.
    #[must_use]
    pub fn sample_bytes(&self) -> u64 {
        self.sample_bytes
    }

    /// Returns what [`traced_memory`](super::traced_memory) was: the bytes that were live, and the
    /// most that were.
    #[must_use]
    pub fn traced_memory(&self) -> (u64, u64) {
        self.traced
    }

    /// Returns all traces, by site, type and backtrace. Python: `Snapshot.traces`.
    #[must_use]
    pub fn traces(&self) -> &[SiteTrace] {
        &self.traces
    }

    /// Returns what is live, of all sites together.
    #[must_use]
    pub fn live(&self) -> Estimate {
        self.traces.iter().map(SiteTrace::live).fold(Estimate::default(), Estimate::plus)
    }

    /// Returns what was allocated since tracking began, at all sites together.
    #[must_use]
    pub fn allocated(&self) -> Estimate {
        self.traces.iter().map(SiteTrace::allocated).fold(Estimate::default(), Estimate::plus)
    }

    /// Gives the frames of backtraces their names: those that have none. Frames of this crate at
    /// the innermost end are left out. Needs the feature `backtraces`, and the program that took
    /// the snapshot, while it runs.
    ///
    /// The first time in a process this reads the program's debug information, which takes tens of
    /// milliseconds.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, SitesConfig};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig { frames: 4, ..SitesConfig::exact() }).build()?;
    /// # let m = heap.attach()?;
    /// m.alloc(1);
    /// let mut snapshot = sites::snapshot(&m);
    /// snapshot.symbolise();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn symbolise(&mut self) {
        let most = self.frames as usize;
        let mut known: HashMap<Arc<[Frame]>, Arc<[Frame]>> = HashMap::new();
        for trace in &mut self.traces {
            if trace.backtrace.iter().any(|frame| frame.function.is_some()) {
                continue;
            }
            let addresses = trace.backtrace.iter().map(Frame::address);
            let named = known
                .entry(trace.backtrace.clone())
                .or_insert_with(|| frames::symbolised(addresses, most).into())
                .clone();
            trace.backtrace = named;
        }
    }
}

impl SiteTrace {
    /// Adds another one of the same site.
    fn add(&mut self, other: &Self) {
        self.allocated = self.allocated.plus(other.allocated);
        self.lost = self.lost.plus(other.lost);
        for (live, other) in self.live.iter_mut().zip(other.live) {
            *live = live.plus(other);
        }
    }
}
