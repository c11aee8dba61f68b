//! Comparing, hashing and printing a `Counted` as its contents.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    error::Error,
    fmt,
    hash::{Hash, Hasher},
};

use super::{Counted, contents::Contents};

impl<T: Contents + ?Sized> AsRef<T> for Counted<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Contents + ?Sized> Borrow<T> for Counted<T> {
    fn borrow(&self) -> &T {
        self
    }
}

impl<T: Contents + PartialEq + ?Sized> PartialEq for Counted<T> {
    fn eq(&self, other: &Self) -> bool {
        T::eq(self, other)
    }
}

impl<T: Contents + Eq + ?Sized> Eq for Counted<T> {}

impl<T: Contents + PartialOrd + ?Sized> PartialOrd for Counted<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        T::partial_cmp(self, other)
    }
}

impl<T: Contents + Ord + ?Sized> Ord for Counted<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        T::cmp(self, other)
    }
}

impl<T: Contents + Hash + ?Sized> Hash for Counted<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        T::hash(self, state);
    }
}

impl<T: Contents + fmt::Debug + ?Sized> fmt::Debug for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

impl<T: Contents + fmt::Display + ?Sized> fmt::Display for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// Prints the address of the contents.
impl<T: Contents + ?Sized> fmt::Pointer for Counted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&Self::as_ptr(self), f)
    }
}

impl<T: Contents + Error + ?Sized> Error for Counted<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        T::source(self)
    }
}
