//! Making a `Counted` from other values.

use std::borrow::Cow;

use super::{Counted, contents, count::Count, current::maker};
use crate::trace::Acyclic;

impl<T: Acyclic> From<T> for Counted<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Acyclic + Default> Default for Counted<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Moves the elements into the object.
impl<T: Acyclic> From<Vec<T>> for Counted<[T]> {
    fn from(mut elements: Vec<T>) -> Self {
        // The elements are moved only when the object exists: if there is no memory for it, the vector still has them.
        // SAFETY: the vector has so many elements there. It forgets them below.
        let count = unsafe { contents::new_slice(Count::new(maker()), elements.as_ptr(), elements.len()) };
        // SAFETY: the elements have been moved out.
        unsafe { elements.set_len(0) };
        Self::from_count(count)
    }
}

impl<T: Acyclic> From<Box<[T]>> for Counted<[T]> {
    fn from(elements: Box<[T]>) -> Self {
        elements.into_vec().into()
    }
}

impl<T: Acyclic, const N: usize> From<[T; N]> for Counted<[T]> {
    fn from(elements: [T; N]) -> Self {
        Vec::from(elements).into()
    }
}

impl<T: Acyclic + Clone> From<&[T]> for Counted<[T]> {
    fn from(elements: &[T]) -> Self {
        elements.to_vec().into()
    }
}

impl<T: Acyclic> Default for Counted<[T]> {
    fn default() -> Self {
        Vec::new().into()
    }
}

/// Collects the elements, and then moves them into the object: two allocations, one of which is
/// freed.
///
/// ```
/// let squares: gc_core::Counted<[u64]> = (1..4).map(|n| n * n).collect();
/// assert_eq!(&*squares, [1, 4, 9]);
/// ```
impl<T: Acyclic> FromIterator<T> for Counted<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Vec::from_iter(elements).into()
    }
}

impl From<&str> for Counted<str> {
    fn from(text: &str) -> Self {
        // SAFETY: the text gives so many readable bytes of valid UTF-8, and bytes need no dropping.
        Self::from_count(unsafe { contents::new_slice(Count::new(maker()), text.as_ptr(), text.len()) })
    }
}

impl From<&mut str> for Counted<str> {
    fn from(text: &mut str) -> Self {
        Self::from(&*text)
    }
}

impl From<String> for Counted<str> {
    fn from(text: String) -> Self {
        Self::from(&*text)
    }
}

impl From<Box<str>> for Counted<str> {
    fn from(text: Box<str>) -> Self {
        Self::from(&*text)
    }
}

impl From<Cow<'_, str>> for Counted<str> {
    fn from(text: Cow<'_, str>) -> Self {
        Self::from(&*text)
    }
}

impl Default for Counted<str> {
    fn default() -> Self {
        Self::from("")
    }
}
