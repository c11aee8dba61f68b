//! Statistics of a snapshot, and what has changed from one to another.

use core::{cmp::Reverse, fmt};
use std::collections::{BTreeMap, BTreeSet};

use super::snapshot::{Estimate, SiteTrace, Snapshot};

/// What traces are summed up by. Python: the `key_type` of `Snapshot.statistics`.
///
/// ```
/// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// let kept = m.alloc_slice_with(2, |n| m.alloc(n));
/// let by_type = sites::snapshot(&m).statistics(GroupBy::Type);
/// assert_eq!(by_type.iter().map(|statistic| statistic.live.objects).sum::<u64>(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupBy {
    /// The name of the type.
    Type,
    /// The source file. Python: `filename`.
    File,
    /// The file, line and column. Python: `lineno`.
    Site,
    /// The backtrace, or the site of what has none. Python: `traceback`.
    Backtrace,
    /// The generation that live objects are in. What was allocated is counted with generation 0,
    /// where all begins.
    Generation,
}

/// A sum of traces. Python: `tracemalloc.Statistic`, with `size` and `count`.
///
/// ```
/// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// m.alloc(1_u64);
/// assert_eq!(sites::snapshot(&m).statistics(GroupBy::Type)[0].to_string(), "u64: 1 objects, 16 bytes (allocated: 1, 16)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistic {
    /// What the traces have in common, by [`GroupBy`]. A backtrace has a line for each frame.
    pub key: String,
    /// What is live.
    pub live: Estimate,
    /// What was allocated since tracking began.
    pub allocated: Estimate,
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, live, allocated } = self;
        let [Estimate { objects, bytes }, all] = [live, allocated];
        write!(f, "{key}: {objects} objects, {bytes} bytes (allocated: {}, {})", all.objects, all.bytes)
    }
}

/// What has changed from an older snapshot to a newer one. Python: `tracemalloc.StatisticDiff`.
///
/// ```
/// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
/// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
/// # let m = heap.attach()?;
/// let before = sites::snapshot(&m);
/// m.alloc(1_u64);
/// let diff = &sites::snapshot(&m).compare_to(&before, GroupBy::Type)[0];
/// assert_eq!(diff.to_string(), "u64: +1 objects, +16 bytes (1, 16 now)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatisticDiff {
    /// What the traces have in common.
    pub key: String,
    /// What is live in the newer one.
    pub live: Estimate,
    /// By how many objects that is more than in the older one.
    pub objects_diff: i64,
    /// By how many bytes that is more.
    pub bytes_diff: i64,
    /// By how many objects more were allocated.
    pub allocated_objects_diff: i64,
    /// By how many bytes more were allocated.
    pub allocated_bytes_diff: i64,
}

impl fmt::Display for StatisticDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, live, objects_diff, bytes_diff, .. } = self;
        write!(f, "{key}: {objects_diff:+} objects, {bytes_diff:+} bytes ({}, {} now)", live.objects, live.bytes)
    }
}

impl GroupBy {
    /// Returns the keys of a trace, each with what counts for it.
    fn keys(self, trace: &SiteTrace) -> Vec<(String, Estimate, Estimate)> {
        let whole = |key| vec![(key, trace.live(), trace.allocated())];
        match self {
            Self::Type => whole(trace.type_name().to_owned()),
            Self::File => whole(trace.site().file().to_owned()),
            Self::Site => whole(trace.site().to_string()),
            Self::Backtrace if trace.backtrace().is_empty() => whole(trace.site().to_string()),
            Self::Backtrace => {
                let frames: Vec<_> = trace.backtrace().iter().map(ToString::to_string).collect();
                whole(frames.join("\n"))
            }
            Self::Generation => (0..3)
                .map(|generation| {
                    let allocated = if generation == 0 { trace.allocated() } else { Estimate::default() };
                    (format!("generation {generation}"), trace.live_in(generation), allocated)
                })
                .collect(),
        }
    }

    /// Returns the keys of everything that a trace leads through, once each.
    fn cumulative_keys(self, trace: &SiteTrace) -> BTreeSet<String> {
        let own = self.keys(trace).into_iter().map(|(key, ..)| key);
        let by_file = trace.backtrace().iter().filter_map(|frame| Some((frame.file()?, frame.line()?)));
        match self {
            Self::File => own.chain(by_file.map(|(file, _)| file.to_owned())).collect(),
            // A frame has no column: so the site itself is given without one.
            Self::Site if trace.site().is_others() => own.collect(),
            Self::Site => [(trace.site().file(), trace.site().line())]
                .into_iter()
                .chain(by_file)
                .map(|(file, line)| format!("{file}:{line}"))
                .collect(),
            _ => own.collect(),
        }
    }
}

fn sorted(sums: BTreeMap<String, (Estimate, Estimate)>) -> Vec<Statistic> {
    let mut all: Vec<_> = sums.into_iter().map(|(key, (live, allocated))| Statistic { key, live, allocated }).collect();
    // Stable: what is equal is in the order of the keys.
    all.sort_by_key(|statistic| Reverse((statistic.live.bytes, statistic.live.objects, statistic.allocated.bytes)));
    all
}

fn add(sums: &mut BTreeMap<String, (Estimate, Estimate)>, key: String, live: Estimate, allocated: Estimate) {
    let sum = sums.entry(key).or_default();
    *sum = (sum.0.plus(live), sum.1.plus(allocated));
}

impl Snapshot {
    /// Returns the sums of traces that have the same key, those with the most live bytes first.
    /// Python: `Snapshot.statistics`.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
    /// # let m = heap.attach()?;
    /// m.alloc([0_u64; 100]);
    /// m.alloc_str("small");
    /// let by_type = sites::snapshot(&m).statistics(GroupBy::Type);
    /// assert_eq!(by_type.iter().map(|statistic| &*statistic.key).collect::<Vec<_>>(), ["[u64; 100]", "str"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn statistics(&self, by: GroupBy) -> Vec<Statistic> {
        let mut sums = BTreeMap::new();
        for (key, live, allocated) in self.traces.iter().flat_map(|trace| by.keys(trace)) {
            add(&mut sums, key, live, allocated);
        }
        sorted(sums)
    }

    /// Returns the sums of traces by every file, or every line, that is in their backtraces, once
    /// for each trace: what is allocated there and in what is called from there. Needs frames with
    /// names ([`symbolise`](Self::symbolise)); for other keys it is as
    /// [`statistics`](Self::statistics), by generation all of a trace counts for each. Python:
    /// `Snapshot.statistics(key, cumulative=True)`.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig { frames: 16, ..SitesConfig::exact() }).build()?;
    /// # let m = heap.attach()?;
    /// m.alloc(1);
    /// let mut snapshot = sites::snapshot(&m);
    /// snapshot.symbolise();
    /// assert_eq!(snapshot.cumulative(GroupBy::File)[0].live.objects, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn cumulative(&self, by: GroupBy) -> Vec<Statistic> {
        let mut sums = BTreeMap::new();
        for trace in &self.traces {
            for key in by.cumulative_keys(trace) {
                add(&mut sums, key, trace.live(), trace.allocated());
            }
        }
        sorted(sums)
    }

    /// Returns what has changed since an older snapshot, the largest differences of live bytes
    /// first. Keys that are in one of the two only count as nothing in the other one. Python:
    /// `Snapshot.compare_to`.
    ///
    /// ```
    /// use gc_core::observe::sites::{self, GroupBy, SitesConfig};
    /// # let heap = gc_core::Heap::builder().sites(SitesConfig::exact()).build()?;
    /// # let mut m = heap.attach()?;
    /// m.alloc(1_u64);
    /// let before = sites::snapshot(&m);
    /// m.collect(gc_core::Collect::Young);
    /// let diff = &sites::snapshot(&m).compare_to(&before, GroupBy::Type)[0];
    /// assert_eq!((diff.objects_diff, diff.bytes_diff, diff.allocated_bytes_diff), (-1, -16, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn compare_to(&self, older: &Self, by: GroupBy) -> Vec<StatisticDiff> {
        let mut both: BTreeMap<String, [(Estimate, Estimate); 2]> = BTreeMap::new();
        for (which, snapshot) in [older, self].into_iter().enumerate() {
            for Statistic { key, live, allocated } in snapshot.statistics(by) {
                both.entry(key).or_default()[which] = (live, allocated);
            }
        }
        // What is out of range saturates.
        let diff = |new: u64, old: u64| {
            let size = i64::try_from(new.abs_diff(old)).unwrap_or(i64::MAX);
            if new < old { -size } else { size }
        };
        let diffs = both.into_iter().map(|(key, [(old, old_all), (live, all)])| StatisticDiff {
            key,
            live,
            objects_diff: diff(live.objects, old.objects),
            bytes_diff: diff(live.bytes, old.bytes),
            allocated_objects_diff: diff(all.objects, old_all.objects),
            allocated_bytes_diff: diff(all.bytes, old_all.bytes),
        });
        let mut diffs: Vec<_> = diffs.collect();
        diffs.sort_by_key(|diff| Reverse((diff.bytes_diff.unsigned_abs(), diff.live.bytes)));
        diffs
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (live, statistics) = (self.live(), self.statistics(GroupBy::Site));
        write!(f, "live: {} objects, {} bytes, at {} sites", live.objects, live.bytes, statistics.len())?;
        for statistic in statistics.iter().take(10) {
            write!(f, "\n{statistic}")?;
        }
        Ok(())
    }
}
