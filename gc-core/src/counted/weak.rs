//! `CountedWeak`: a handle that does not keep the contents alive.

use core::{
    fmt,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
};

use super::{
    Counted,
    contents::{Contents, free},
    count::Count,
    current::current,
};
use crate::trace::Acyclic;

/// A handle to an object that does not keep its contents alive: [`upgrade`](Self::upgrade) returns
/// a reference while they are. One word.
///
/// The contents are dropped with the last [`Counted`]. The memory is freed with the last handle of
/// any kind. Clones and drops are atomic operations. A `CountedWeak` is `Send + Sync` where `T` is.
///
/// ```
/// use gc_core::{Counted, CountedWeak};
///
/// let text: Counted<str> = "cached".into();
/// let cache: CountedWeak<str> = Counted::downgrade(&text);
/// assert_eq!(cache.upgrade().as_deref(), Some("cached"));
/// drop(text);
/// assert!(cache.upgrade().is_none());
/// ```
pub struct CountedWeak<T: Contents + ?Sized> {
    /// The count of an object, or `NOWHERE`.
    count: NonNull<Count>,
    contents: PhantomData<T>,
}

/// The address in a handle to no object. No memory lies there.
const NOWHERE: NonNull<Count> = NonNull::without_provenance(core::num::NonZero::<usize>::MAX);

// SAFETY: as for `std::sync::Weak`: `upgrade` gives a `Counted<T>` on any thread.
unsafe impl<T: Contents + ?Sized + Send + Sync> Send for CountedWeak<T> {}
// SAFETY: as above.
unsafe impl<T: Contents + ?Sized + Send + Sync> Sync for CountedWeak<T> {}

impl<T: Contents + ?Sized> Unpin for CountedWeak<T> {}

/// As for [`Counted`].
impl<T: Contents + ?Sized + RefUnwindSafe> UnwindSafe for CountedWeak<T> {}

/// As for [`Counted`].
impl<T: Contents + ?Sized + RefUnwindSafe> RefUnwindSafe for CountedWeak<T> {}

impl<T: Acyclic> CountedWeak<T> {
    /// Makes a handle to no object. Allocates nothing.
    ///
    /// ```
    /// assert!(gc_core::CountedWeak::<String>::new().upgrade().is_none());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { count: NOWHERE, contents: PhantomData }
    }
}

impl<T: Contents + ?Sized> CountedWeak<T> {
    /// Returns the handle for a weak handle that has been counted.
    pub(super) fn from_count(count: NonNull<Count>) -> Self {
        Self { count, contents: PhantomData }
    }

    /// Returns the count, or `None` for a handle to no object.
    #[inline]
    fn count(&self) -> Option<&Count> {
        if self.count == NOWHERE {
            return None;
        }
        // SAFETY: an object's memory lives as long as a weak handle, and no thread ever has a `&mut` to its header.
        Some(unsafe { self.count.as_ref() })
    }

    /// Returns a reference to the object, or `None` if its contents are gone or being dropped.
    ///
    /// An object whose last reference was dropped by a thread other than its owner may wait for the
    /// owner's next safepoint. It is not dead yet, and `upgrade` still returns a reference to it.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert!(Counted::ptr_eq(&weak.upgrade().unwrap(), &one));
    /// ```
    #[inline]
    #[must_use]
    pub fn upgrade(&self) -> Option<Counted<T>> {
        self.count()?.upgrade(current()).then(|| Counted::from_count(self.count))
    }

    /// Returns the number of references, an estimate. It is 0 if the contents are gone.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// assert_eq!(Counted::downgrade(&one).strong_count(), 1);
    /// ```
    #[must_use]
    pub fn strong_count(&self) -> usize {
        self.count().map_or(0, |count| count.strong(current()))
    }

    /// Returns the number of weak handles, an estimate. It is 0 if the contents are gone, or
    /// immortal.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert_eq!((weak.weak_count(), weak.clone().weak_count()), (1, 2));
    /// drop(one);
    /// assert_eq!(weak.weak_count(), 0);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.count().filter(|count| count.strong(current()) > 0).map_or(0, Count::weak)
    }

    /// Returns whether both are handles to the same object, or both to none.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert!(weak.ptr_eq(&weak.clone()));
    /// ```
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.count == other.count
    }
}

impl<T: Contents + ?Sized> Clone for CountedWeak<T> {
    fn clone(&self) -> Self {
        if let Some(count) = self.count() {
            count.retain_weak();
        }
        Self { count: self.count, contents: PhantomData }
    }
}

impl<T: Contents + ?Sized> Drop for CountedWeak<T> {
    fn drop(&mut self) {
        if self.count().is_some_and(Count::release_weak) {
            // SAFETY: this was the last handle. The references, which have one weak count together, are gone, and so are the
            // contents.
            unsafe { free::<T>(self.count) };
        }
    }
}

/// Makes a handle to no object.
impl<T: Acyclic> Default for CountedWeak<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Contents + ?Sized> fmt::Debug for CountedWeak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(CountedWeak)")
    }
}
