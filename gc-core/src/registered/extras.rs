//! What else hangs on a registered object: who wants to know of its death, and the queues that finalize it.

use super::queues::{Notice, QueueId};

/// Waits for the death of an object: the notice is put into the queue then.
pub(crate) struct Watcher {
    pub(crate) queue: QueueId,
    pub(crate) notice: Notice,
}

/// The extras of an entry.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) watchers: Vec<Watcher>,
    /// The queues to which the object is handed over when it is otherwise dead.
    pub(crate) finalizers: Vec<QueueId>,
}

impl Extras {
    pub(crate) fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.finalizers.is_empty()
    }
}
