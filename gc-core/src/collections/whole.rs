//! The flag of a map, and the iterators that hold it.

use core::iter::FusedIterator;

/// Whether a map is whole (see [`collections`](super)).
pub(super) struct Whole(bool);

impl Whole {
    pub(super) const fn new() -> Self {
        Self(true)
    }

    /// Whether the map is whole.
    pub(super) fn holds(&self) -> bool {
        self.0
    }

    /// Changes a map that is whole. If `change` panics, it is not from then on.
    #[inline]
    pub(super) fn change<R>(&mut self, change: impl FnOnce() -> R) -> R {
        self.begin();
        let result = change();
        self.0 = true;
        result
    }

    /// From here on the map is not whole.
    #[inline]
    fn begin(&mut self) {
        self.check();
        self.0 = cfg!(gc_mutant = "maps_stay_whole");
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
        "expected a map that is whole, found one that user code (Hash, Eq, Ord, Drop, a closure, an iterator) has left by a panic, or \
         whose `drain` or `extract_if` was forgotten: put a new map in its place"
    )
}

/// An iterator that takes entries out of a map, which is not whole until the iterator is dropped, and for ever if that panicked or was
/// forgotten.
pub(super) struct Taking<'a, I> {
    whole: &'a mut Whole,
    /// `None` while the iterator is dropped.
    entries: Option<I>,
    /// Whether a call of `next` was left by a panic, or is under way.
    left: bool,
}

impl<'a, I> Taking<'a, I> {
    /// The iterator that `start` makes of a map that is whole.
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
        // What is left is dropped here: by user code, which may panic.
        self.entries = None;
        if !self.left {
            self.whole.0 = true;
        }
    }
}
