//! Memory that objects hold outside the heap, as far as the program reports it.

use core::fmt;

use std::sync::Weak;

use crate::{
    Heap, Mutator,
    collector::{Collector, request},
    memory::budget::Budget,
    sync::Arc,
    trace::{Acyclic, Trace, Visitor},
};

/// Bytes that an object holds outside the heap: a buffer of another library, a texture, a mapped
/// file. While the value lives, they count towards the heap's limits, and may make a collection
/// due.
///
/// Keep it in the object that holds the memory, as a field that is traced, so that a
/// [graph](crate::observe::Graph) has the bytes as memory that the object owns, or as one that is
/// skipped. Its bytes cease to count when the object's destructor has run.
///
/// ```
/// use gc_core::{ExternalBytes, Heap, Trace};
///
/// #[derive(Trace)]
/// struct Image {
///     #[trace(skip)]
///     pixels: Vec<u32>,
///     held: ExternalBytes,
/// }
///
/// let heap = Heap::builder().build()?;
/// let m = heap.attach()?;
/// let pixels = vec![0; 1 << 20];
/// let held = m.external_bytes(pixels.len() * 4);
/// let image = m.alloc(Image { pixels, held });
/// assert!(heap.stats().memory_bytes >= 4 << 20);
/// # let _ = image;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ExternalBytes {
    account: Arc<Budget>,
    /// To ask for a collection that the bytes make due. Does not keep the heap's memory.
    collector: Weak<Collector>,
    bytes: usize,
}

#[diagnostic::do_not_recommend]
// SAFETY: a leaf, the same under every lifetime: it is `'static + Send + Sync`, and there is nothing to report.
unsafe impl Trace for ExternalBytes {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller guarantees that a valid value is there, which no thread writes meanwhile.
        visitor.owns(|| unsafe { &*this }.bytes);
    }
}

impl ExternalBytes {
    #[track_caller]
    fn new(collector: &Arc<Collector>, bytes: usize) -> Self {
        let account = collector.memory.budget.clone();
        let mut new = Self { account, collector: Arc::downgrade(collector), bytes: 0 };
        new.count(bytes);
        new
    }

    /// Returns how many bytes are counted.
    #[must_use]
    pub fn get(&self) -> usize {
        self.bytes
    }

    /// Counts `bytes` from now on, where the memory has grown or shrunk. If they make a collection
    /// due, it happens at the next safepoint of a mutator that runs, or at once if none does.
    ///
    /// # Panics
    ///
    /// If all external bytes of the heap together are more than `usize::MAX`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let mut held = heap.external_bytes(100);
    /// held.set(30);
    /// assert_eq!(held.get(), 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn set(&mut self, bytes: usize) {
        let grows = bytes > self.bytes;
        self.count(bytes);
        if grows && let Some(collector) = self.collector.upgrade() {
            request::ask(&collector);
        }
    }

    #[track_caller]
    fn count(&mut self, bytes: usize) {
        if bytes > self.bytes {
            let charged = self.account.charge_external(bytes - self.bytes);
            assert!(charged, "expected less than usize::MAX external bytes in all, found {bytes} more");
        } else {
            self.account.discharge_external(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Drop for ExternalBytes {
    fn drop(&mut self) {
        self.account.discharge_external(self.bytes);
    }
}

// SAFETY: it holds a number, and an account that holds numbers only. So it holds no pointer into a heap, and leads to no counted
// object.
unsafe impl Acyclic for ExternalBytes {}

/// As for [`Heap`](crate::Heap): a panic leaves no broken state.
impl core::panic::RefUnwindSafe for ExternalBytes {}

/// As above.
impl core::panic::UnwindSafe for ExternalBytes {}

impl fmt::Debug for ExternalBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalBytes({})", self.bytes)
    }
}

impl Heap {
    /// Counts bytes that are held outside the heap, until the value is dropped: see
    /// [`ExternalBytes`]. The limits never refuse it, as the memory is held already. If they make a
    /// collection due, it happens at the next safepoint of a mutator that runs, or at once if none
    /// does.
    ///
    /// # Panics
    ///
    /// As [`ExternalBytes::set`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let held = heap.external_bytes(1 << 20);
    /// assert!(heap.stats().memory_bytes >= 1 << 20);
    /// drop(held);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use = "the bytes are counted until what this returns is dropped"]
    pub fn external_bytes(&self, bytes: usize) -> ExternalBytes {
        let held = ExternalBytes::new(self.shared_collector(), bytes);
        request::ask(self.collector());
        held
    }
}

impl Mutator {
    /// Counts bytes that an object holds outside the heap: see [`ExternalBytes`]. If they make a
    /// collection due, it happens at the next safepoint.
    ///
    /// # Panics
    ///
    /// As [`ExternalBytes::set`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// let m = heap.attach()?;
    /// let held = m.external_bytes(1 << 30);
    /// assert!(m.safepoint_pending(), "a gigabyte may be garbage");
    /// # drop(held);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use = "the bytes are counted until what this returns is dropped"]
    pub fn external_bytes(&self, bytes: usize) -> ExternalBytes {
        let held = ExternalBytes::new(&self.local().collector, bytes);
        self.count_external(bytes);
        held
    }
}
