//! The settings of a heap, by name.

use core::{fmt, time::Duration};

use crate::{
    collector::{self, users::Users},
    settings::{
        BuildError, SitesConfig, Stress, Thresholds, Unfinalized, config::Config, error::from_environment, log::Printed,
    },
    stats::{Event, Level, event::Hook},
    sync::Arc,
};

use super::{
    Heap,
    pressure::{self, Observer, Pressure},
};

/// Settings for a [`Heap`]; all have defaults. If a value is out of range, [`build`](Self::build)
/// returns an error.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use gc_core::{Heap, Thresholds};
///
/// let heap = Heap::builder()
///     .thresholds(Thresholds { nursery_bytes: 2 << 20, ..Thresholds::default() })
///     .hard_limit(256 << 20)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "the heap is made by `build`"]
pub struct HeapBuilder {
    config: Config,
    stress: Option<Stress>,
    sites: Option<SitesConfig>,
    hook: Option<Hook>,
    observer: Option<Observer>,
}

impl HeapBuilder {
    pub(super) fn new() -> Self {
        Self { config: Config::default(), stress: None, sites: None, hook: None, observer: None }
    }

    /// Sets when collections happen: see [`Thresholds`].
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().thresholds(Thresholds { growth_percent: 50, ..Thresholds::default() }).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.config.thresholds = thresholds;
        self
    }

    /// Sets the bytes allocated between two minor collections: see [`Thresholds::nursery_bytes`].
    /// The nursery keeps this size, unless [`max_nursery_bytes`](Self::max_nursery_bytes) is called
    /// later.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().nursery_bytes(2 << 20).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nursery_bytes(mut self, bytes: usize) -> Self {
        (self.config.thresholds.nursery_bytes, self.config.thresholds.max_nursery_bytes) = (bytes, bytes);
        self
    }

    /// Sets the size that the nursery may grow to: see [`Thresholds::max_nursery_bytes`].
    ///
    /// ```
    /// # use gc_core::Heap;
    /// let heap = Heap::builder().nursery_bytes(1 << 20).max_nursery_bytes(8 << 20).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_nursery_bytes(mut self, bytes: usize) -> Self {
        self.config.thresholds.max_nursery_bytes = bytes;
        self
    }

    /// Sets the bytes of one allocation buffer: a power of two from 16 KiB to 16 MiB. 256 KiB by
    /// default.
    ///
    /// Each mutator has a buffer of its own. So with many mutators, the nursery should be as large
    /// as many buffers.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().chunk_bytes(64 << 10).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.config.chunk_bytes = bytes;
        self
    }

    /// Sets how many entries in a mutator's remembered set request a collection: 262 144 by
    /// default, which take about two milliseconds of a pause. While the thread reaches no
    /// safepoint, duplicates are removed from its set each time that so many more have been added.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().remembered_entries(1 << 12).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remembered_entries(mut self, entries: usize) -> Self {
        self.config.remembered_entries = entries;
        self
    }

    /// Sets how many bytes of objects a full collection moves out of sparse blocks: 256 KiB by
    /// default. With 0, none.
    ///
    /// If the old generation is less than two thirds full, a full collection empties the sparsest
    /// of them. Objects are moved in the pause that ends marking, which that makes longer by a
    /// quarter of a millisecond to half of one. So memory that a program has released comes back to
    /// the system over some collections; [`Mutator::compact`](crate::Mutator::compact) does it at
    /// once.
    ///
    /// ```
    /// # use gc_core::Heap;
    /// let heap = Heap::builder().compact_bytes(4 << 20).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact_bytes(mut self, bytes: usize) -> Self {
        self.config.compact_bytes = bytes;
        self
    }

    /// Sets how many pointers to the objects that a full collection moves it updates at most: 32
    /// 768 by default. Pointers of roots are not counted. A block with more than a sixteenth of
    /// them is left alone, for the next eight full collections too.
    ///
    /// ```
    /// # use gc_core::Heap;
    /// let heap = Heap::builder().compact_places(1 << 18).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compact_places(mut self, places: usize) -> Self {
        self.config.compact_places = places;
        self
    }

    /// Sets how long a pause waits for a thread's next safepoint before a warning names the thread
    /// ([`Event::Late`](crate::Event::Late)). The warning comes again each time that so much more
    /// time has passed. A second by default, a millisecond at least.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().late_after(std::time::Duration::from_millis(100)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn late_after(mut self, time: Duration) -> Self {
        self.config.late_after = time;
        self
    }

    /// Sets after how long without an allocation or a collection the heap is idle: 5 seconds by
    /// default, a millisecond at least. With [`Duration::MAX`], never.
    ///
    /// After once to twice that time an idle heap is collected once
    /// ([`Cause::Idle`](crate::Cause::Idle)) and gives back the memory that it can do without.
    /// Objects are moved together if that makes room and no more than 64 MiB are alive. Afterwards
    /// the heap costs no processor time until it is used again: an allocation, a collection or a
    /// mutator that detaches is use; a root that is dropped, and nothing else, is not. A large heap
    /// that is used a little now and then is marked no more than for a fiftieth of the time and a
    /// second besides, where what counts is processor time.
    ///
    /// It happens beside threads that are in [`blocked`](crate::Mutator::blocked). A mutator that
    /// runs without a safepoint is not waited for: it does what is due when it comes to one.
    ///
    /// The idea is that of Go's scavenger and of the periodic collections of G1 (JEP 346, *Promptly
    /// Return Unused Committed Memory*).
    ///
    /// ```
    /// # use gc_core::Heap;
    /// let heap = Heap::builder().idle_after(std::time::Duration::from_secs(60)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idle_after(mut self, time: Duration) -> Self {
        self.config.idle_after = time;
        self
    }

    /// Sets how long a destructor may run before others stop waiting for it. A second by default, a
    /// millisecond at least.
    ///
    /// Dead values are dropped one after the other, on a thread of the heap. When the destructor of
    /// one has been running for this time, or up to twice as long, a warning names its type
    /// ([`Event::DestructorSlow`](crate::Event::DestructorSlow)), and a further thread drops what
    /// is behind it. A heap has at most eight such threads. If all are held up, what is left waits,
    /// until one goes on.
    ///
    /// The end of the heap waits for no destructor that runs as long: see
    /// [`end_waits`](Self::end_waits).
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().slow_destructor(std::time::Duration::from_millis(100)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn slow_destructor(mut self, time: Duration) -> Self {
        self.config.slow_destructor = time;
        self
    }

    /// Sets whether the thread that drops the last handle, mutator or root of the heap waits until
    /// every object is dropped and the heap's memory is returned. `true` by default.
    ///
    /// If so, it waits until a destructor or the event hook is [slow](Self::slow_destructor) at the
    /// most, and then goes on: that may want a lock that this thread holds.
    /// [`Event::EndsAlone`](crate::Event::EndsAlone) tells of destructors like that. If not, it
    /// waits for nothing. Either way the heap's threads drop every object, and then return the
    /// memory and end. A destructor that never returns keeps its thread, the background thread and
    /// the memory of the heap. Nothing waits for thread-locals that destructors or the event hook
    /// have left on the heap's threads: these are destroyed when the threads end, which may be
    /// after the memory is returned.
    ///
    /// A program that ends meanwhile does not drop the rest.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().end_waits(false).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_waits(mut self, waits: bool) -> Self {
        self.config.end_waits = waits;
        self
    }

    /// Sets what becomes of objects that are still to be finalized when the heap ends: those that
    /// are registered with a [`FinalizationQueue`](crate::FinalizationQueue), and those in one.
    /// Nobody can take them any more then. A program that wants them finalized calls
    /// [`Mutator::shutdown`](crate::Mutator::shutdown) before. Their values are dropped by default,
    /// as all others.
    ///
    /// ```
    /// # use gc_core::{Heap, Unfinalized};
    /// let heap = Heap::builder().unfinalized(Unfinalized::Leaked).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unfinalized(mut self, unfinalized: Unfinalized) -> Self {
        self.config.unfinalized = unfinalized;
        self
    }

    /// Sets how many threads copy in a minor collection that has much to copy: GC workers and the
    /// leader of the pause, together from 1 to 64. By default as many as the system offers, at most 8.
    ///
    /// The GC workers also mark the old generation concurrently, on cores that no mutator uses.
    /// They start after the first collection that copies so much that they would have been of use,
    /// and sleep while there is no work.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().workers(2).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn workers(mut self, threads: usize) -> Self {
        self.config.workers = threads;
        self
    }

    /// Sets the bytes of address space to reserve. It costs nothing until it is used. If the system
    /// refuses, `build` tries half of it, and so on. A quarter is for young objects, a quarter for
    /// large ones, and half for old ones. 64 GiB by default. Where the data of the process is
    /// limited (`ulimit -d`), it is eight times the limit at most: the tables beside the heap count
    /// towards that limit, by an eightieth of the reservation.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().reservation(8 << 30).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reservation(mut self, bytes: usize) -> Self {
        self.config.reservation = bytes;
        self
    }

    /// Sets the most memory the heap may take from the system, in bytes: at the limit, `try_alloc`
    /// fails. By default the reservation is the limit.
    ///
    /// Counted are the nursery, the blocks of the old generation with those kept ready for
    /// promotion, large objects, values that wait to be dropped, and [bytes held
    /// elsewhere](crate::ExternalBytes). Other memory that objects own outside the heap, such as
    /// the buffer of a `Vec`, is not counted. The collector's own tables and lists are: each pause
    /// measures them, and what they grew by is missing from then on ([`Heap::memory_report`]).
    ///
    /// Near the limit the heap counts young objects by size class, collects smaller nurseries, and
    /// collects the whole heap in a pause if there would be no room for the next nursery. The goal
    /// of a major cycle lies below the limit.
    ///
    /// The limit must hold a nursery and the blocks to promote it into: 13.63 MiB for the default
    /// nursery. With several mutators, each needs another 5 chunks (1.25 MiB): its buffer, one more
    /// that it takes before it reaches the safepoint, and blocks to promote both into.
    ///
    /// Values that wait to be dropped, and bytes held elsewhere, may exceed the limit by a quarter.
    /// Above that, every allocation that needs another chunk fails, until destructors catch up.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().hard_limit(256 << 20).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hard_limit(mut self, bytes: usize) -> Self {
        (self.config.hard_limit, self.config.hard_limit_percent) = (Some(bytes), None);
        self
    }

    /// Sets the hard limit to so many percent of the memory that the system gives to this process
    /// when the heap is made: the limit of its container (`memory.max` of its control group,
    /// version 2, or of a group above it), or the memory of the machine if that is less. Replaces
    /// [`hard_limit`](Self::hard_limit), and is replaced by it.
    ///
    /// The container's limit is for all of the process: its other memory, and the stacks of the
    /// heap's threads. Half of it is a careful choice.
    ///
    /// ```
    /// # use gc_core::Heap;
    /// let heap = Heap::builder().hard_limit_percent(50).build()?;
    /// assert!(heap.hard_limit().is_some_and(|bytes| bytes > 0));
    /// assert!(Heap::builder().hard_limit_percent(0).build().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hard_limit_percent(mut self, percent: usize) -> Self {
        self.config.hard_limit_percent = Some(percent);
        self
    }

    /// Sets the bytes of the old generation above which major (full) cycles happen four times as
    /// often. None by default; at most the hard limit.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().soft_limit(128 << 20).hard_limit(256 << 20).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn soft_limit(mut self, bytes: usize) -> Self {
        self.config.soft_limit = Some(bytes);
        self
    }

    /// Sets whether collections happen by themselves: see [`Heap::set_auto`]. `true` by default.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().auto(false).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn auto(mut self, auto: bool) -> Self {
        self.config.auto = auto;
        self
    }

    /// Forces collections where they are rare, for tests: see [`Stress`]. Replaces the
    /// environment's `GC_CORE_STRESS`.
    ///
    /// ```
    /// # use gc_core::{Heap, Stress, Thresholds};
    /// let heap = Heap::builder().stress("every-safepoint,verify".parse::<Stress>()?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stress(mut self, stress: Stress) -> Self {
        self.stress = Some(stress);
        self
    }

    /// Tracks from the start where objects are allocated and roots are made: see
    /// [`observe::sites`](crate::observe::sites). Replaces the environment's `GC_CORE_SITES`, which
    /// does the same for every heap: `GC_CORE_SITES=524288` for a sample in so many bytes,
    /// `GC_CORE_SITES=exact,frames=8` for every allocation and eight frames of its backtrace.
    ///
    /// ```
    /// use gc_core::{Heap, observe::sites::{self, SitesConfig}};
    /// let heap = Heap::builder().sites(SitesConfig::default()).build()?;
    /// assert!(sites::is_tracing(&heap));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sites(mut self, config: SitesConfig) -> Self {
        self.sites = Some(config);
        self
    }

    /// Sets the event hook: `tell` is called with every event of at least the level `least`. By
    /// default warnings go to stderr, and with `GC_CORE_LOG=debug` in the environment each
    /// collection does too.
    ///
    /// The heap's background thread calls `tell`, after the pause that an event is about. `tell`
    /// may lock and wait; it cannot attach to a heap. If it panics, the panic hook reports that,
    /// and the collector goes on.
    ///
    /// While `tell` runs, other events wait, memory is not returned to the system, and no further
    /// thread is started to run destructors: one that is [slow](Self::slow_destructor) holds up
    /// what is behind it. So what `tell` waits for should come soon.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use gc_core::{Heap, Level};
    /// let (send, events) = std::sync::mpsc::channel();
    /// let send = std::sync::Mutex::new(send);
    /// let heap = Heap::builder()
    ///     .on_event(Level::Debug, move |event| { let _ = send.lock().unwrap().send(event.to_string()); })
    ///     .build()?;
    /// heap.attach()?.collect(gc_core::Collect::Young);
    /// assert!(events.recv()?.starts_with("pause collected=young cause=explicit"));
    /// # Ok(()) }
    /// ```
    pub fn on_event(mut self, least: Level, tell: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hook = Some(Hook { least, tell: Arc::new(tell) });
        self
    }

    /// Sets an observer that is called when little room is left: the place to let go of caches.
    ///
    /// It is called after each major (full) collection that has left less than an eighth of the
    /// hard limit, or more than the soft limit, on a thread of its own. Calls do not overlap: while
    /// one runs, several collections lead to one more call. So it is called again as long as major
    /// collections find little room, and not between them.
    ///
    /// The thread may attach. It holds the heap weakly: [`Pressure::heap`] returns a handle. No
    /// collection waits for the observer, nor does the end of the heap, unless the observer is
    /// attached or has a handle. If it panics, the panic hook reports that, and it is called again
    /// the next time.
    ///
    /// ```
    /// # use gc_core::{Heap, Gc};
    /// let (send, pressure) = std::sync::mpsc::channel();
    /// let send = std::sync::Mutex::new(send);
    /// let heap = Heap::builder()
    ///     .hard_limit(16 << 20)
    ///     .on_pressure(move |pressure| { let _ = send.lock().unwrap().send(pressure.room()); })
    ///     .build()?;
    /// let mut m = heap.attach()?;
    /// let mut kept = m.root(Vec::<Gc<[u64; 100]>>::new());
    /// while let Ok(new) = m.try_alloc([0; 100]) {
    ///     kept.get_mut(&m).push(new);
    ///     m.safepoint();
    /// }
    /// m.safepoint(); // a major collection, in vain
    /// assert!(pressure.recv()? < 2 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_pressure(mut self, observer: impl Fn(&Pressure) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Makes the heap: reserves address space and starts the heap's threads.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range, if `GC_CORE_STRESS`, `GC_CORE_SITES` or `GC_CORE_LOG` is
    /// used and cannot be parsed, or if the system refuses address space or the observer's thread:
    /// see [`BuildError`].
    ///
    /// ```
    /// let error = gc_core::Heap::builder().chunk_bytes(1000).build().err();
    /// assert!(error.is_some_and(|error| error.to_string().starts_with("chunk_bytes: expected a power of two")));
    /// ```
    pub fn build(self) -> Result<Heap, BuildError> {
        let mut config = self.config;
        config.stress = match self.stress {
            Some(stress) => stress,
            None => from_environment("GC_CORE_STRESS")?.unwrap_or_default(),
        };
        let sites = match self.sites {
            Some(sites) => Some(sites),
            None => from_environment("GC_CORE_SITES")?,
        };
        config.hook = match self.hook {
            Some(hook) => hook,
            None => {
                let Printed(least) = from_environment("GC_CORE_LOG")?.unwrap_or_default();
                Hook::printing(least)
            }
        };
        let heap = Heap { users: Arc::new(Users::new(collector::create(config)?)) };
        if let Some(sites) = sites {
            collector::sampling::start(heap.collector(), sites);
        }
        if let Some(observer) = self.observer {
            pressure::start(&heap.users, observer)?;
        }
        Ok(heap)
    }
}

impl fmt::Debug for HeapBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { thresholds, chunk_bytes, hard_limit, .. } = &self.config;
        f.debug_struct("HeapBuilder")
            .field("thresholds", thresholds)
            .field("chunk_bytes", chunk_bytes)
            .field("hard_limit", hard_limit)
            .finish_non_exhaustive()
    }
}
