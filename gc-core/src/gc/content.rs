//! `ByContent`: a pointer that is equal to another one if the objects are.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

use crate::{Gc, trace::Object};

/// A pointer that is compared, ordered, hashed and printed as its object: made by [`Gc::by_content`]. One word.
///
/// It borrows as its object, so a map whose keys are such pointers is looked up by a reference to a value, which need not be in the heap:
///
/// ```
/// use gc_core::{ByContent, Gc, GcMap, Heap, Trace};
///
/// #[derive(Trace)]
/// struct Names<'gc> {
///     numbers: GcMap<'gc, ByContent<'gc, str>, u64>,
/// }
///
/// # let heap = Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let names = m.alloc(Names { numbers: GcMap::new() });
/// names.numbers.insert(&m, Gc::by_content(m.alloc_str("one")), 1);
/// assert_eq!(names.numbers.get("one"), Some(&1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The content that is compared must not change while the pointer is a key, as with any key. Where the text belongs to the map alone,
/// [`GcTextMap`](crate::GcTextMap) takes one object less for each.
#[derive(gc_core::Trace)]
#[repr(transparent)]
pub struct ByContent<'gc, T: ?Sized>(Gc<'gc, T>);

impl<'gc, T: Object + ?Sized> Gc<'gc, T> {
    /// Returns the pointer as one that is compared and hashed by its object, for maps and sets.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::{Gc, GcSet};
    /// let set = m.alloc(GcSet::new());
    /// assert!(set.insert(&m, Gc::by_content(m.alloc(7))));
    /// assert!(!set.insert(&m, Gc::by_content(m.alloc(7))));
    /// assert!(set.contains(&7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn by_content(this: Self) -> ByContent<'gc, T> {
        ByContent(this)
    }
}

impl<'gc, T: ?Sized> ByContent<'gc, T> {
    /// Returns the pointer.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let object = m.alloc(1);
    /// assert!(Gc::ptr_eq(Gc::by_content(object).object(), object));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn object(self) -> Gc<'gc, T> {
        self.0
    }
}

impl<'gc, T: ?Sized> From<Gc<'gc, T>> for ByContent<'gc, T> {
    fn from(object: Gc<'gc, T>) -> Self {
        Self(object)
    }
}

impl<T: ?Sized> Clone for ByContent<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for ByContent<'_, T> {}

impl<T: Object + ?Sized> Deref for ByContent<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Object + ?Sized> Borrow<T> for ByContent<'_, T> {
    #[inline(always)]
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Object + ?Sized> AsRef<T> for ByContent<'_, T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Object + PartialEq + ?Sized> PartialEq for ByContent<'_, T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Object + Eq + ?Sized> Eq for ByContent<'_, T> {}

impl<T: Object + PartialOrd + ?Sized> PartialOrd for ByContent<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Object + Ord + ?Sized> Ord for ByContent<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Object + Hash + ?Sized> Hash for ByContent<'_, T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: Object + fmt::Debug + ?Sized> fmt::Debug for ByContent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Object + fmt::Display + ?Sized> fmt::Display for ByContent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
