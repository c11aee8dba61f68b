//! `Heap`: the handle to one collected heap, its builder and its limits.

mod builder;
mod pressure;
mod threads;
mod weak;
mod with;

use core::fmt;

pub use builder::HeapBuilder;
pub use pressure::Pressure;
pub use threads::Scope;
pub use weak::WeakHeap;

use crate::{
    collector::{self, Collector, users::Users},
    mutator::{AttachError, Mutator},
    settings::{SettingError, Thresholds},
    stats::{Counts, Histogram, MemoryReport, Stats},
    sync::{Arc, atomic::Ordering},
};

/// A collected heap: a cheap handle to it, `Clone + Send + Sync`.
///
/// A thread attaches to a heap to use it ([`attach`](Self::attach)), or enters it for the time of a
/// closure ([`with`](Self::with)). The heap lives as long as a handle, a mutator or a
/// [`Root`](crate::Root) of it. The thread that drops the last of these waits until every object is
/// dropped and all of the heap's memory is returned. It waits for no destructor that runs for long,
/// since that may want a lock that the thread holds: [`HeapBuilder::end_waits`] says what happens
/// then, and how not to wait at all. If a destructor may need a collection of another heap, drop
/// the last one in [`blocked`](Mutator::blocked). A [`WeakHeap`] does not keep it alive.
///
/// There may be many heaps: a thousand, with a few objects in each, take some 30 KiB each. Each
/// reserves address space. It starts threads of its own when there is something to mark, sweep,
/// drop or report, or memory to return to the system, and they leave when it is
/// [idle](HeapBuilder::idle_after). One thread of the process looks from time to time which heaps
/// are idle. Where the system refuses a thread, the heap goes on: collections are done by the
/// threads that wait for them, and what else the thread was to do waits until the system starts
/// one.
///
/// # Fork
///
/// A child process made by `fork` has only the thread that called it, and that thread goes on with
/// its heaps: it allocates, collects, and starts threads; destructors run. Mutators of other
/// threads count as blocked for ever, and their roots stay, as do their handles: a heap of which
/// they had a handle does not end. The memory of a heap that had threads stays until the child
/// ends. A value whose destructor was running on another thread leaks. Idle heaps are looked after
/// from the first pause on. The observer of [`on_pressure`](HeapBuilder::on_pressure) is not called
/// any more. What other libraries and the program do about `fork` is theirs: a lock that another
/// thread held stays locked. The std of Rust 1.95 has such a lock, which each of its threads takes
/// when it begins and when it ends: if another thread did so at that moment, no thread that std
/// starts in the child ever runs, and a child that returns from `main` or calls
/// `std::process::exit` may wait for ever. The threads that a heap has of its own run nevertheless,
/// but not that of [`spawn_callbacks`](Self::spawn_callbacks), nor the observer of a heap that is
/// built in the child. A program whose children start threads, or end otherwise than by `_exit`,
/// starts and ends none while it forks.
///
/// For that, `fork` stops every heap of the process, as a pause does, but collects nothing: some
/// microseconds for each heap, if all threads that run a mutator are near a safepoint, or fork,
/// too. It waits for a second for those that are not, and as long again for locks. A heap that does
/// not stop until then, or one of whose own threads forks, in a destructor or the event hook, is
/// lost to the child: it may read objects, allocate while there is room, and drop its mutator,
/// roots and handles. To attach is an error then, [`AttachError::Forked`]; to collect is a panic;
/// to enter a mutator that was kept or parked may wait for ever; nothing is dropped. The same holds
/// where `fork` runs no handlers of `pthread_atfork`, as `vfork` does not; `std::process::Command`
/// runs them only with `pre_exec`.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let heap = gc_core::Heap::builder().nursery_bytes(1 << 20).build()?;
/// let m = heap.attach()?;
/// assert_eq!(*m.alloc(42), 42);
/// # Ok(()) }
/// ```
#[derive(Clone, crate::Trace)]
#[trace(leaf)]
#[trace(crate = crate)]
pub struct Heap {
    users: Arc<Users>,
}

/// A panic leaves no broken state: no user code runs while a lock is held, and a collection that
/// fails aborts the process.
impl core::panic::RefUnwindSafe for Heap {}

/// As above.
impl core::panic::UnwindSafe for Heap {}

impl Heap {
    /// Returns settings for a heap, all at their defaults.
    ///
    /// ```
    /// let heap = gc_core::Heap::builder().build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "new")]
    pub fn builder() -> HeapBuilder {
        HeapBuilder::new()
    }

    /// Returns a handle of these users' heap.
    #[cfg(test)]
    pub(crate) fn of(users: Arc<Users>) -> Self {
        Self { users }
    }

    pub(crate) fn collector(&self) -> &Collector {
        &self.users.handle.collector
    }

    pub(crate) fn shared_collector(&self) -> &Arc<Collector> {
        &self.users.handle.collector
    }

    /// Makes this thread a mutator of the heap.
    ///
    /// Up to 2²¹ − 1 threads may be attached. This waits for the end of a pause that is under way.
    /// If exactly one mutator is attached, it also waits until that one reaches a safepoint or is
    /// [`blocked`](Mutator::blocked), because cells become locks with the second. It takes locks
    /// and allocates memory: attach once for each thread, not once for each task.
    ///
    /// # Errors
    ///
    /// If the thread has a mutator already, of any heap, also inside [`Mutator::blocked`] or
    /// [`with`](Self::with); if it is a heap's own thread; or if too many mutators are attached.
    /// The error says which. A [parked](Mutator::park) mutator does not count, nor one that the
    /// thread keeps for `with`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let m = heap.attach()?;
    /// assert_eq!(heap.attach().unwrap_err(), gc_core::AttachError::AlreadyAttached);
    /// drop(m);
    /// assert!(heap.attach().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach(&self) -> Result<Mutator, AttachError> {
        Mutator::attach(&self.users, None)
    }

    /// Attaches as [`attach`](Self::attach) does, but gives up after `timeout`.
    ///
    /// The timeout is for both waits together: for a pause that is under way, and for the other
    /// thread's safepoint.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach), and [`AttachError::TimedOut`], which names the threads that did
    /// not reach a safepoint. It names none if a pause that another thread leads took too long.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let m = heap.attach()?; // and never reaches a safepoint
    /// let other = heap.clone();
    /// let error = std::thread::spawn(move || other.attach_timeout(Duration::from_millis(10)).map(drop).unwrap_err());
    /// assert!(matches!(error.join().unwrap(), gc_core::AttachError::TimedOut { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach_timeout(&self, timeout: core::time::Duration) -> Result<Mutator, AttachError> {
        Mutator::attach(&self.users, Some(timeout))
    }

    /// Returns what the heap did and holds. Takes constant time, on any thread.
    ///
    /// Collections bring the figures up to date. If one ends at this moment, a part of its figures
    /// may be included.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Full);
    /// let stats = heap.stats();
    /// assert_eq!((stats.collections.full, stats.old_objects), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let collector = self.collector();
        let mut stats = collector.stats.stats();
        let budget = &collector.memory.budget;
        stats.memory_bytes = budget.used();
        stats.headroom = match budget.limit() {
            usize::MAX => usize::MAX,
            limit => limit.saturating_sub(stats.memory_bytes),
        };
        (stats.external_bytes, stats.side_bytes) = (budget.external(), budget.side());
        stats.live_bytes = collector.headroom.live();
        stats.nursery_bytes = collector.pacing.young_budget();
        stats.put_off = collector.pacing.put_off();
        stats.waited_for_helpers = collector.workers.pool.reliance.waited();
        stats.bytes_allocated += collector.pacing.fresh_bytes() as u64;
        stats.memory_peak = collector.memory.budget.peak();
        // Acquire, with the Release of a mutator that has passed on what was dead: it is counted here or among those to drop.
        let waiting = || collector.counted_waiting.load(Ordering::Acquire);
        let before = waiting();
        (stats.drops_pending, stats.drops_run, stats.drops_panicked) = collector.background.drops();
        // And again afterwards: those that were to be dropped may have had others wait since then ([pending.exact]).
        stats.counted_waiting = before.max(waiting());
        let table = &collector.registered;
        stats.registered = table.len();
        (stats.news_waiting, stats.finalization_waiting) = (table.queues.news.get(), table.queues.objects.get());
        stats
    }

    /// Returns what the heap's memory is used for. Takes locks of the heap, and waits for a pause
    /// that is under way.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let kept = m.root(m.alloc_slice_with(1 << 16, |n| n));
    /// let report = heap.memory_report();
    /// assert!(report.large_used >= 8 << 16 && report.counted >= report.large_used);
    /// # drop(kept);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_report(&self) -> MemoryReport {
        collector::report::memory_report(self.collector())
    }

    /// Returns how long each stop-the-world pause took, from the request to its end.
    ///
    /// Stops by which a thread attaches do not count. Copies some 2 KiB.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young);
    /// let pauses = heap.pauses();
    /// assert_eq!(pauses.count(), 1);
    /// println!("99 % took at most {:?}, the longest {:?}", pauses.percentile(99.0), pauses.max());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pauses(&self) -> Histogram {
        self.collector().stats.pauses()
    }

    /// Returns the minimum mutator utilisation (MMU): for windows of 1, 10 and 100 ms, the least
    /// part of any such window that pauses left to the mutators, from 0 to 1.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young);
    /// for (window, least) in heap.minimum_utilisation() {
    ///     println!("{window:?}: {:.0} % at least", 100.0 * least);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn minimum_utilisation(&self) -> [(core::time::Duration, f64); 3] {
        self.collector().stats.minimum_utilisation()
    }

    /// Returns how long each pause took to begin: from the request until every running thread had
    /// reached a safepoint. A pause that had to wait for no thread does not count.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young); // the only mutator waits for nobody
    /// assert_eq!(heap.times_to_safepoint().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn times_to_safepoint(&self) -> Histogram {
        self.collector().stats.times_to_safepoint()
    }

    /// Returns the thread that the longest time to safepoint waited for, by name and id, or `the
    /// marker` for the concurrent marker. `None` if no pause had to wait.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(heap.slowest_to_safepoint(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn slowest_to_safepoint(&self) -> Option<String> {
        self.collector().stats.slowest_to_safepoint()
    }

    /// Returns when collections happen.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(heap.thresholds(), gc_core::Thresholds::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.collector().pacing.thresholds()
    }

    /// Sets when collections happen. If one is due by that, it happens at the next safepoint.
    ///
    /// # Errors
    ///
    /// If a value is out of its range; nothing is changed.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let mut thresholds = heap.thresholds();
    /// thresholds.nursery_bytes = 0;
    /// let error = heap.set_thresholds(thresholds).unwrap_err();
    /// assert!(error.to_string().starts_with("nursery_bytes: expected"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_thresholds(&self, thresholds: Thresholds) -> Result<(), SettingError> {
        thresholds.check(self.collector().config.chunk_bytes)?;
        self.collector().pacing.set_thresholds(thresholds);
        collector::request::ask(self.collector());
        Ok(())
    }

    /// Returns whether collections happen by themselves: see [`set_auto`](Self::set_auto).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(heap.is_auto());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_auto(&self) -> bool {
        self.collector().pacing.is_auto()
    }

    /// Sets whether collections happen by themselves, at safepoints. If not, the heap grows up to
    /// its hard limit.
    ///
    /// Explicit collections, those at the hard limit, and those that a full remembered set requests
    /// happen all the same.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// heap.set_auto(false);
    /// assert!(!heap.is_auto());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_auto(&self, auto: bool) {
        self.collector().pacing.set_auto(auto);
        collector::request::ask(self.collector());
        // It may look whether the heap is idle again.
        collector::watch::watch(self.shared_collector());
    }

    /// Returns the hard limit in bytes, or `None`: see [`set_hard_limit`](Self::set_hard_limit).
    ///
    /// ```
    /// let heap = gc_core::Heap::builder().hard_limit(64 << 20).build()?;
    /// assert_eq!(heap.hard_limit(), Some(64 << 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hard_limit(&self) -> Option<usize> {
        Some(self.collector().memory.budget.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Sets the hard limit: the most memory the heap takes from the system, in bytes. At the limit
    /// `try_alloc` fails. A limit below what is in use takes effect as memory is returned. `None`:
    /// the reservation is the limit.
    ///
    /// [`HeapBuilder::hard_limit`] says what is counted. Nothing checks that a nursery fits in the
    /// limit.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// heap.set_hard_limit(Some(0));
    /// assert!(m.try_alloc(1).is_err());
    /// heap.set_hard_limit(None);
    /// assert!(m.try_alloc(1).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_hard_limit(&self, limit: Option<usize>) {
        self.collector().memory.budget.set_limit(limit.unwrap_or(usize::MAX));
        collector::near_limit::fit_anew(self.collector());
        collector::request::ask(self.collector());
    }

    /// Sets the soft limit, in bytes of the old generation: above it, major (full) cycles happen
    /// four times as often. `None`: there is no soft limit.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// heap.set_soft_limit(Some(32 << 20));
    /// assert_eq!(heap.soft_limit(), Some(32 << 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_soft_limit(&self, limit: Option<usize>) {
        self.collector().pacing.set_soft_limit(limit.unwrap_or(usize::MAX));
        collector::request::ask(self.collector());
    }

    /// Returns the soft limit in bytes, or `None`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert_eq!(heap.soft_limit(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn soft_limit(&self) -> Option<usize> {
        Some(self.collector().pacing.soft_limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Returns whether `other` is a handle to the same heap.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// assert!(heap.ptr_eq(&heap.clone()));
    /// assert!(!heap.ptr_eq(&gc_core::Heap::builder().build()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.users, &other.users)
    }
}

impl Mutator {
    /// Returns how far the heap is from its next collections. Includes what its other mutators have
    /// allocated, except what is in their allocation buffers.
    ///
    /// Takes locks of the heap: call it now and then, not for each allocation.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// m.alloc([0_u64; 8]);
    /// assert!(m.counts().young_bytes > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> Counts {
        let collector = self.collector();
        let pace = &collector.pacing;
        let old = collector.old.lock().space.live_bytes + collector.large.lock().used;
        Counts { young_bytes: pace.fresh_bytes() + self.local().buffer.used(), old_growth: pace.old_growth(old) }
    }

    /// Returns the heap that this mutator is attached to.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(m.heap().ptr_eq(&heap));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn heap(&self) -> Heap {
        Heap { users: self.users() }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("memory_bytes", &self.collector().memory.budget.used()).finish_non_exhaustive()
    }
}
