//! A list that any thread may add to, also in a pause, without a lock: a child of a fork may drop
//! roots, and a thread that exists in the parent only may hold a lock. The model is
//! `models/protocols/chunk_word.rs`.
//!
//! - **[noted.once]** An item is added by one thread at a time, and not again before it was taken.

use core::ptr::{self, NonNull};

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// The list.
pub(crate) struct NotedList<T>(AtomicPtr<T>);

/// An item of a [`NotedList`].
pub(crate) trait Noted: Sized {
    /// Returns where the item keeps the next one.
    fn next(&self) -> &AtomicPtr<Self>;
}

impl<T: Noted> NotedList<T> {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Adds an item.
    ///
    /// # Safety
    ///
    /// The item exists until it is taken, and [noted.once] holds.
    pub(crate) unsafe fn add(&self, item: NonNull<T>) {
        // Relaxed: the compare-and-exchange finds whether it is still so.
        let mut first = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY: the caller's: the item exists.
            // Relaxed: published by what follows.
            unsafe { item.as_ref() }.next().store(first, Ordering::Relaxed);
            // Release, with the Acquire of `take`: the item is linked.
            let order = mutant::RELAXED_NOTE.weaken(Ordering::Release);
            match self.0.compare_exchange(first, item.as_ptr(), order, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => first = found,
            }
        }
    }

    /// Takes the items, and passes each to `visit`, which may free it.
    pub(crate) fn take(&self, mut visit: impl FnMut(NonNull<T>)) {
        // Acquire: see `add`.
        let mut next = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        while let Some(item) = NonNull::new(next) {
            // SAFETY: the caller of `add` guarantees that it exists until it is visited.
            // Relaxed: as above.
            next = unsafe { item.as_ref() }.next().load(Ordering::Relaxed);
            visit(item);
        }
    }
}
