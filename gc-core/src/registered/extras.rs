//! What else hangs on a registered object: who wants to know of its death, the queues that finalize
//! it, and its sample.

use super::{
    queues::{Notice, QueueId},
    sample::Sample,
};

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
    /// Where the object was allocated, if it is a sample.
    pub(crate) sample: Option<Sample>,
}

impl Extras {
    pub(crate) fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.finalizers.is_empty() && self.sample.as_ref().is_none_or(Sample::has_ended)
    }
}
