//! The flag of a map, and the iterators that borrow it.

use core::iter::FusedIterator;

use crate::sync::mutant;

/// The flag that says whether a map is whole (see [`collections`](super)).
pub(super) struct Whole(bool);

impl Whole {
    pub(super) const fn new() -> Self {
        Self(true)
    }

    /// Returns whether the map is whole.
    pub(super) fn holds(&self) -> bool {
        self.0
    }

    /// Changes a map that is whole. If `change` panics, the map is not whole from then on.
    #[inline]
    pub(super) fn change<R>(&mut self, change: impl FnOnce() -> R) -> R {
        self.begin();
        let result = change();
        self.0 = true;
        result
    }

    /// Marks the map as not whole. Panics unless it was whole.
    #[inline]
    fn begin(&mut self) {
        self.check();
        self.0 = mutant::MAPS_STAY_WHOLE.is_planted();
    }

    /// Panics unless the map is whole.
    #[inline]
    pub(super) fn check(&self) {
        if !self.0 {
            broken();
        }
    }
}

#[cold]
#[inline(never)]
fn broken() -> ! {
    panic!(
        "expected a map that is whole, found one that user code (Hash, Eq, Ord, Drop, a closure, an iterator) has left by a panic, or whose \
         `drain` or `extract_if` was forgotten: put a new map in its place"
    )
}

/// An iterator that takes entries out of a map. The map is not whole until the iterator is dropped.
/// If the iterator was forgotten, or panicked in `next` or while it was dropped, the map is never
/// whole again.
pub(super) struct Taking<'a, I> {
    whole: &'a mut Whole,
    /// `None` while the iterator is dropped.
    entries: Option<I>,
    /// Whether a call of `next` is under way or was left by a panic.
    left: bool,
}

impl<'a, I> Taking<'a, I> {
    /// Makes the iterator that `start` returns for a map that is whole.
    pub(super) fn new(whole: &'a mut Whole, start: impl FnOnce() -> I) -> Self {
        whole.begin();
        Self { entries: Some(start()), whole, left: false }
    }
}

impl<I: Iterator> Iterator for Taking<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.left = true;
        let entry = self.entries.as_mut()?.next();
        self.left = false;
        entry
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.as_ref().map_or((0, Some(0)), Iterator::size_hint)
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Taking<'_, I> {}

impl<I: FusedIterator> FusedIterator for Taking<'_, I> {}

impl<I> Drop for Taking<'_, I> {
    fn drop(&mut self) {
        // The remaining entries are dropped here, by user code, which may panic.
        self.entries = None;
        if !self.left {
            self.whole.0 = true;
        }
    }
}
