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

/// A handle to an object that does not keep its contents alive: [`upgrade`](Self::upgrade) says whether they are. One word.
///
/// The contents are dropped with the last [`Counted`], the memory is freed with the last handle of any kind. Clones and drops are atomic
/// operations. `Send + Sync` where `T` is.
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
    /// Of an object, or `NOWHERE`.
    count: NonNull<Count>,
    contents: PhantomData<T>,
}

/// Where a handle to no object points: to no memory.
const NOWHERE: NonNull<Count> = NonNull::without_provenance(core::num::NonZero::<usize>::MAX);

// SAFETY: as for `std::sync::Weak`: it gives a `Counted<T>` on any thread.
unsafe impl<T: Contents + ?Sized + Send + Sync> Send for CountedWeak<T> {}
// SAFETY: as above.
unsafe impl<T: Contents + ?Sized + Send + Sync> Sync for CountedWeak<T> {}

impl<T: Contents + ?Sized> Unpin for CountedWeak<T> {}

/// As for [`Counted`].
impl<T: Contents + ?Sized + RefUnwindSafe> UnwindSafe for CountedWeak<T> {}

/// As for [`Counted`].
impl<T: Contents + ?Sized + RefUnwindSafe> RefUnwindSafe for CountedWeak<T> {}

impl<T: Acyclic> CountedWeak<T> {
    /// A handle to no object. Allocates nothing.
    ///
    /// ```
    /// assert!(gc_core::CountedWeak::<String>::new().upgrade().is_none());
    /// ```
    pub const fn new() -> Self {
        Self { count: NOWHERE, contents: PhantomData }
    }
}

impl<T: Contents + ?Sized> CountedWeak<T> {
    /// The handle of a weak handle that was counted.
    pub(super) fn from_count(count: NonNull<Count>) -> Self {
        Self { count, contents: PhantomData }
    }

    /// `None` for a handle to no object.
    #[inline]
    fn count(&self) -> Option<&Count> {
        if self.count == NOWHERE {
            return None;
        }
        // SAFETY: an object's memory lives as long as a weak handle, and nobody has its header exclusively.
        Some(unsafe { self.count.as_ref() })
    }

    /// A reference to the object, or `None` if its contents are gone or going.
    ///
    /// An object whose last reference was dropped by another thread than the one that made it, and which waits for that one's next
    /// safepoint, is not gone yet: it comes back to life.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert!(Counted::ptr_eq(&weak.upgrade().unwrap(), &one));
    /// ```
    #[inline]
    pub fn upgrade(&self) -> Option<Counted<T>> {
        self.count()?.upgrade(current()).then(|| Counted::from_count(self.count))
    }

    /// How many references there are: an estimate, 0 if the contents are gone.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// assert_eq!(Counted::downgrade(&one).strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.count().map_or(0, |count| count.strong(current()))
    }

    /// Whether both are handles to the same object, or both to none.
    ///
    /// ```
    /// # use gc_core::Counted;
    /// let one = Counted::new(1);
    /// let weak = Counted::downgrade(&one);
    /// assert!(weak.ptr_eq(&weak.clone()));
    /// ```
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
            // SAFETY: the last handle: the references, which hold one together, are gone, and so are the contents.
            unsafe { free::<T>(self.count) };
        }
    }
}

/// A handle to no object.
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
