//! `Heap`: the handle to one collected heap, its builder and its limits.

mod builder;

use core::fmt;

pub use builder::HeapBuilder;

use crate::{
    collector::{BuildError, Counts, Histogram, Stats, Thresholds, handle::Handle, shared::Shared},
    memory::PAGE,
    mutator::{AttachError, Mutator},
    sync::{Arc, atomic::Ordering},
};

/// A collected heap: a cheap handle to it, `Clone + Send + Sync`.
///
/// A thread attaches to a heap to use it ([`attach`](Self::attach)). The heap lives as long as a handle, a mutator or a
/// [`Root`](crate::Root) of it; then every object is dropped and all its memory returned. There may be many heaps.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let heap = gc_core::Heap::builder().nursery_bytes(1 << 20).build()?;
/// let m = heap.attach()?;
/// assert_eq!(*m.alloc(42), 42);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Heap {
    handle: Arc<Handle>,
}

impl Heap {
    /// Settings for a heap.
    pub fn builder() -> HeapBuilder {
        HeapBuilder::new()
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }

    /// Makes this thread a mutator of the heap.
    ///
    /// # Errors
    ///
    /// A thread is attached to one heap at a time, also inside [`Mutator::blocked`]; collector threads cannot attach; and for
    /// now a heap has one mutator at a time. The error says which.
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
        Mutator::attach(&self.handle, None)
    }

    /// [`attach`](Self::attach), but gives up when the heap's other threads take longer than `patience` to reach a safepoint.
    ///
    /// # Errors
    ///
    /// [`AttachError::TimedOut`] names them.
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
    pub fn attach_timeout(&self, patience: core::time::Duration) -> Result<Mutator, AttachError> {
        Mutator::attach(&self.handle, Some(patience))
    }

    /// What the heap did and holds. Constant time, from any thread; figures of one collection appear together.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let mut stats = *shared.stats.lock();
        stats.memory_bytes = shared.memory.budget.used();
        stats.memory_peak = shared.memory.budget.peak();
        (stats.drops_pending, stats.drops_run, stats.drops_panicked) = shared.background.drops();
        stats
    }

    /// How long the world was stopped, each time, from the request to the moment it went on.
    pub fn pauses(&self) -> Histogram {
        self.shared().times.lock().pauses.clone()
    }

    /// How long each stop took to begin: from the request until every running thread had reached a safepoint. Stops that
    /// had nobody to wait for do not count.
    pub fn times_to_safepoint(&self) -> Histogram {
        self.shared().times.lock().to_safepoint.clone()
    }

    /// The thread that the longest time to safepoint waited for.
    pub fn slowest_to_safepoint(&self) -> Option<String> {
        self.shared().times.lock().slowest.clone()
    }

    /// When collections happen.
    pub fn thresholds(&self) -> Thresholds {
        self.shared().pace.thresholds()
    }

    /// Sets when collections happen, from the next one on.
    ///
    /// # Errors
    ///
    /// A value out of its range; nothing is changed.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let mut thresholds = heap.thresholds();
    /// thresholds.nursery_bytes = 0;
    /// let error = heap.set_thresholds(thresholds).unwrap_err();
    /// assert!(error.to_string().starts_with("nursery_bytes: expected"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_thresholds(&self, thresholds: Thresholds) -> Result<(), BuildError> {
        thresholds.check(self.shared().config.chunk_bytes)?;
        self.shared().pace.set_thresholds(thresholds);
        Ok(())
    }

    /// Whether collections happen by themselves. Without, the heap grows up to its hard limit.
    pub fn is_auto(&self) -> bool {
        self.shared().pace.is_auto()
    }

    /// Sets whether collections happen by themselves, at safepoints. Explicit ones and those at the hard limit always do.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// heap.set_auto(false);
    /// assert!(!heap.is_auto());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_auto(&self, auto: bool) {
        // Relaxed: a setting.
        self.shared().pace.auto.store(auto, Ordering::Relaxed);
    }

    /// The hard limit in bytes, or `None`.
    pub fn hard_limit(&self) -> Option<usize> {
        Some(self.shared().memory.budget.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Sets the hard limit: the most memory the heap takes from the system, in bytes. At the limit `try_alloc` fails. A
    /// limit below what is in use takes hold as memory is given back.
    pub fn set_hard_limit(&self, limit: Option<usize>) {
        self.shared().memory.budget.set_limit(limit.unwrap_or(usize::MAX));
    }

    /// Sets the soft limit: above it, full collections happen four times as often. `None`: there is none.
    pub fn set_soft_limit(&self, limit: Option<usize>) {
        self.shared().pace.set_soft_limit(limit.unwrap_or(usize::MAX));
    }

    /// The soft limit in bytes, or `None`.
    pub fn soft_limit(&self) -> Option<usize> {
        Some(self.shared().pace.soft_limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Whether `other` is a handle to the same heap.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.handle, &other.handle)
    }
}

impl Mutator {
    /// How far the heap is from its next collections.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// m.alloc([0_u64; 8]);
    /// assert!(m.counts().young_bytes > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn counts(&self) -> Counts {
        let shared = self.shared();
        let pace = &shared.pace;
        // Relaxed, both: figures.
        let old = shared.old.lock().space.live_bytes + shared.large.lock().used_pages * PAGE;
        Counts {
            young_bytes: pace.fresh_bytes.load(Ordering::Relaxed),
            young_collections: pace.young_collections.load(Ordering::Relaxed),
            old_growth: old.saturating_sub(pace.old_live.load(Ordering::Relaxed)),
        }
    }

    /// The heap that this mutator is attached to.
    pub fn heap(&self) -> Heap {
        Heap { handle: self.handle().clone() }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("memory_bytes", &self.shared().memory.budget.used()).finish_non_exhaustive()
    }
}
