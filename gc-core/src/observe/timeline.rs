//! A timeline of the collector for a viewer: the events of heaps, written as a file that Perfetto
//! and `chrome://tracing` open.
//!
//! - **[timeline.bounded]** A timeline keeps so many events at most. The oldest is dropped for a
//!   new one, and counted.
//! - **[timeline.nests]** Slices of one track nest: each lies within another one or beside it. A
//!   pause is on the track of the thread that led it, which does nothing else meanwhile. The major
//!   cycles of a heap are on a track of their own. There a cycle begins on paper where its first
//!   pause does, and the cycle before may have ended in that very pause: what would overlap is
//!   drawn as beginning later.
//! - **[timeline.leaf]** The lock is a leaf: nothing is called under it. Writing takes a copy of
//!   the events, and no lock after that.
//!
//! The format is Chrome's trace-event JSON (*Trace Event Format*, 2016). How events become entries
//! is in `timeline/entries.rs`.

mod entries;
mod json;

use core::fmt;
use std::{collections::VecDeque, io, time::Instant};

use crate::{
    Event,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// So many events are kept if nothing else is said: some 10 MiB, for an hour of ten pauses a
/// second.
const EVENTS: usize = 1 << 15;

/// A record of what the collectors of one or more heaps did, to be looked at in
/// [Perfetto](https://ui.perfetto.dev) or `chrome://tracing`. A handle: clones are of the same
/// timeline.
///
/// It keeps the last 32,768 events, or as many as [`with_capacity`](Self::with_capacity) says, some
/// 300 bytes each; what is older is dropped, and [counted](Self::dropped). A pause that nobody
/// watches costs a copy of its event, on the heap's background thread.
///
/// The file shows, in microseconds since the timeline was made:
///
/// - each pause, on a track of the thread that led it, and in it the time that it took to stop the
///   world, with the thread that was waited for last;
/// - for each heap a track of its own, with the major (full) cycles: marking, with the clearing of
///   weak references in it, and sweeping; they are concurrent, so that pauses lie beside parts of
///   them. Its instant events are the warnings: limits that were reached, stragglers, destructors
///   that are behind. These lie at the time at which the hook heard of them;
/// - counters of the bytes of objects, young and old, before and after each pause.
///
/// What Python's users know as `gc.callbacks` with a profiler behind it.
///
/// ```
/// use gc_core::{Collect, Heap, Level, observe::Timeline};
///
/// let timeline = Timeline::new();
/// let heap = Heap::builder().on_event(Level::Debug, timeline.hook("main")).build()?;
/// heap.attach()?.collect(Collect::Full);
/// drop(heap); // its last events are told before this returns
///
/// let mut file = Vec::new(); // or a `File`, behind a `BufWriter`
/// timeline.write(&mut file)?;
/// assert!(String::from_utf8(file)?.contains(r#""name":"major cycle 1""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Timeline {
    shared: Arc<Shared>,
}

struct Shared {
    /// Where time begins.
    origin: Instant,
    capacity: usize,
    /// The heaps so far.
    heaps: AtomicU64,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<Record>,
    dropped: u64,
}

/// An event that a heap told.
#[derive(Clone)]
struct Record {
    /// When the hook heard of it.
    at: Instant,
    heap: Arc<HeapName>,
    event: Event,
}

/// A heap of a timeline.
struct HeapName {
    /// From 0 on, in the order of the calls of `hook`.
    number: u64,
    name: String,
}

impl Timeline {
    /// Creates an empty timeline, which begins now.
    ///
    /// ```
    /// let timeline = gc_core::observe::Timeline::new();
    /// assert_eq!((timeline.len(), timeline.dropped()), (0, 0));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(EVENTS)
    }

    /// Creates an empty timeline that keeps the last `events` events, one at least
    /// ([timeline.bounded]). Their memory is taken as they come.
    ///
    /// ```
    /// # use gc_core::{Collect, Heap, Level, observe::Timeline};
    /// let timeline = Timeline::with_capacity(2);
    /// let heap = Heap::builder().on_event(Level::Debug, timeline.hook("main")).build()?;
    /// for _ in 0..5 {
    ///     heap.attach()?.collect(Collect::Young);
    /// }
    /// drop(heap);
    /// assert_eq!((timeline.len(), timeline.dropped()), (2, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        let shared = Shared {
            origin: Instant::now(),
            capacity: events.max(1),
            heaps: AtomicU64::new(0),
            records: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns an event hook that records what a heap does, for
    /// [`HeapBuilder::on_event`](crate::HeapBuilder::on_event) with
    /// [`Level::Debug`](crate::Level::Debug). `heap` names the heap in the viewer. Each heap gets a
    /// hook of its own: heaps that share one are drawn over each other.
    ///
    /// ```
    /// # use gc_core::{Heap, Level, observe::Timeline};
    /// let timeline = Timeline::new();
    /// let [requests, cache] = ["requests", "cache"]
    ///     .map(|name| Heap::builder().on_event(Level::Debug, timeline.hook(name)).build());
    /// # (requests?, cache?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hook(&self, heap: impl Into<String>) -> impl Fn(&Event) + Send + Sync + 'static {
        let shared = self.shared.clone();
        // Relaxed: a number that no other heap gets.
        let number = shared.heaps.fetch_add(1, Ordering::Relaxed);
        let heap = Arc::new(HeapName { number, name: heap.into() });
        move |event| {
            let record = Record { at: Instant::now(), heap: heap.clone(), event: event.clone() };
            let mut records = shared.records.lock();
            let oldest = if records.kept.len() == shared.capacity { records.kept.pop_front() } else { None };
            records.dropped += u64::from(oldest.is_some());
            records.kept.push_back(record);
            drop(records);
            drop(oldest);
        }
    }

    /// Writes what is recorded, as Chrome's trace-event JSON. The events stay; events that are told
    /// meanwhile are not in the file.
    ///
    /// Takes a copy of the events first, some 10 MiB for a full timeline, and sorts them. Writes in
    /// many small pieces: give it a [`BufWriter`](io::BufWriter) around a file. A heap tells its
    /// events on a thread of its own, so that the last ones of a heap that lives may be missing.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    ///
    /// ```
    /// let mut file = Vec::new();
    /// gc_core::observe::Timeline::new().write(&mut file)?;
    /// assert!(file.starts_with(b"{\"displayTimeUnit\":\"ms\""));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write(&self, mut out: impl io::Write) -> io::Result<()> {
        let records = self.shared.records.lock();
        let (kept, dropped): (Vec<Record>, u64) = (records.kept.iter().cloned().collect(), records.dropped);
        drop(records);
        entries::write(&kept, dropped, self.shared.origin, std::process::id(), &mut out)
    }

    /// Forgets the recorded events, and begins to count dropped ones anew. Time goes on.
    ///
    /// ```
    /// # let timeline = gc_core::observe::Timeline::new();
    /// timeline.clear();
    /// assert_eq!(timeline.len(), 0);
    /// ```
    pub fn clear(&self) {
        let records = core::mem::take(&mut *self.shared.records.lock());
        drop(records);
    }

    /// Returns how many events are recorded.
    ///
    /// ```
    /// assert_eq!(gc_core::observe::Timeline::new().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.records.lock().kept.len()
    }

    /// Returns whether no event is recorded.
    ///
    /// ```
    /// assert!(gc_core::observe::Timeline::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many events were dropped for later ones ([timeline.bounded]). The file says it,
    /// too.
    ///
    /// ```
    /// assert_eq!(gc_core::observe::Timeline::new().dropped(), 0);
    /// ```
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.records.lock().dropped
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl core::panic::RefUnwindSafe for Timeline {}

/// As above.
impl core::panic::UnwindSafe for Timeline {}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { capacity, .. } = &*self.shared;
        f.debug_struct("Timeline").field("len", &self.len()).field("capacity", capacity).finish_non_exhaustive()
    }
}
