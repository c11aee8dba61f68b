//! Pointers are compared, ordered and hashed as what they point to, as those of std are.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use crate::{Gc, trace::Object};

/// Equal if the objects are: see [`Gc`](Gc#comparison).
impl<T: Object + PartialEq + ?Sized> PartialEq for Gc<'_, T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Object + Eq + ?Sized> Eq for Gc<'_, T> {}

impl<T: Object + PartialOrd + ?Sized> PartialOrd for Gc<'_, T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<T: Object + Ord + ?Sized> Ord for Gc<'_, T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<T: Object + Hash + ?Sized> Hash for Gc<'_, T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// A map whose keys are pointers is looked up by a reference to a value, which need not be in the
/// heap.
impl<T: Object + ?Sized> Borrow<T> for Gc<'_, T> {
    #[inline(always)]
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Object + ?Sized> AsRef<T> for Gc<'_, T> {
    #[inline(always)]
    fn as_ref(&self) -> &T {
        self
    }
}
