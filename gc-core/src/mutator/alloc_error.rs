//! Refused allocations, as the program sees them.

use core::fmt;

use crate::{collector::refill::Refused, stats::MemoryReport};

/// An allocation that the hard limit, or the system, did not allow.
/// [`into_value`](Self::into_value) gives the value back.
///
/// Release something if you can, reach a safepoint, and try again, until it succeeds.
///
/// An allocation is refused if there is no memory for it. It is also refused, *early*, while the
/// last major (full) collection has left less than a sixteenth of the hard limit: otherwise the
/// program would collect more and more often for less and less. `alloc`, which would panic, still
/// gets what is left.
///
/// A refusal promises a major collection at the next safepoint
/// ([`is_collecting`](Self::is_collecting)). Where early refusals follow promised collections that
/// left little more, only some promise another one: every second, then fewer, every 16th at least.
/// So a program that releases much has room at the next safepoint, and a program that releases a
/// little at each refusal pays for few collections. This depends on how much was released and not
/// on time.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// heap.set_hard_limit(Some(0));
/// let error = m.try_alloc(7_u64).unwrap_err();
/// assert_eq!((error.limit(), error.used()), (0, 0));
/// assert_eq!(error.into_value(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AllocError<T> {
    pub(crate) value: T,
    pub(crate) refused: Refused,
}

impl<T> AllocError<T> {
    /// Returns what was to be allocated: the value, or the closure or iterator that was to make it.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// Returns the same refusal with what `change` makes of the value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> AllocError<U> {
        AllocError { value: change(self.value), refused: self.refused }
    }

    /// Returns the memory of the heap when the allocation failed: what lived after the last major
    /// collection, what each space takes, which size classes have free cells, and how much is left.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// heap.set_hard_limit(Some(0));
    /// let error = m.try_alloc(7).unwrap_err();
    /// assert_eq!((error.report().live, error.report().headroom), (0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> &MemoryReport {
        &self.refused.report
    }

    /// Returns the heap's hard limit in bytes, `usize::MAX` if it has none.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.refused.report.limit
    }

    /// Returns whether a major (full) collection happens at the next safepoint.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// heap.set_hard_limit(Some(0));
    /// assert!(m.try_alloc(7).unwrap_err().is_collecting());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_collecting(&self) -> bool {
        self.refused.collects
    }

    /// Returns whether the heap was nearly full: the last major (full) collection had left less
    /// than a sixteenth of the hard limit. There may be memory then that only `alloc` gets.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.refused.early
    }

    /// Returns the bytes that were in use when the allocation failed, as
    /// [`Stats::memory_bytes`](crate::Stats::memory_bytes) counts them.
    #[must_use]
    pub fn used(&self) -> usize {
        self.refused.report.counted
    }
}

impl<T> fmt::Debug for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocError").field("limit", &self.limit()).field("used", &self.used()).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.refused, f)
    }
}

impl<T> std::error::Error for AllocError<T> {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ref report, wanted, early, collects } = *self;
        let MemoryReport { limit, counted: used, live, .. } = **report;
        if wanted == usize::MAX {
            return f.write_str("no memory for an object of more bytes than there are addresses");
        }
        write!(f, "no memory for an object of {wanted} bytes: {used} bytes are in use, ")?;
        match limit {
            usize::MAX => f.write_str("and the reservation is used up or the system refuses more")?,
            limit => write!(f, "and the hard limit is {limit} bytes")?,
        }
        if early {
            write!(f, ", of which the last major collection left little: {live} bytes of old objects were live")?;
        }
        if collects {
            f.write_str("; let go of something and reach a safepoint, where garbage is collected, or raise the limit")
        } else {
            f.write_str("; let go of more, as only some of these refusals have garbage collected, or raise the limit")
        }
    }
}
