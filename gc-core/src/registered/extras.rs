//! What else hangs on a registered object: who wants to know of its death, and the queues that finalize it.

use core::ptr::NonNull;

use crate::sync::Arc;

/// Waits for the death of an object. No user code runs in its methods, which the collector calls.
pub(crate) trait Watcher: Send {
    /// Returns what tells it from others.
    fn identity(&self) -> *const ();

    /// Hands over the news.
    fn died(self: Box<Self>);
}

/// A queue of objects that are to be finalized. No user code runs in its methods, which the collector calls.
pub(crate) trait Finalizes: Send + Sync {
    /// Takes an object that is otherwise dead. From now on the queue keeps it alive.
    fn hand_over(&self, object: NonNull<u8>);
}

/// The extras of an entry.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) watchers: Vec<Box<dyn Watcher>>,
    /// One for each time that the object was registered and not handed over.
    pub(crate) finalizers: Vec<Arc<dyn Finalizes>>,
}

impl Extras {
    pub(crate) fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.finalizers.is_empty()
    }
}
