//! What heap handles, mutators and root tables share of a heap: dropping the last reference to it ends the heap.

use crate::{
    roots::HeapHandle,
    settings::config::Config,
    sync::Arc,
    workers::role::{Role, role},
};

use super::{collector::Collector, parts::Values};

/// One heap, whose threads run.
pub(crate) struct Handle {
    pub(crate) collector: Arc<Collector>,
    /// The process in which the heap's threads run.
    process: u32,
}

impl Handle {
    /// Creates the handle of a heap whose background thread runs.
    pub(crate) fn new(collector: Arc<Collector>) -> Self {
        Self { collector, process: std::process::id() }
    }

    /// Returns whether this is the child of a fork. There the heap's threads do not exist, and a thread that does not exist may
    /// hold a lock.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Elsewhere the heap leaks, with the objects in it: no thread exists there that could drop them.
        if !self.is_elsewhere() {
            end(&self.collector);
        }
    }
}

impl HeapHandle for Handle {
    fn collect_soon(&self) {
        if !self.is_elsewhere() {
            self.collector.major.ask_to_collect();
        }
    }

    fn take_dropped_roots(&self) {
        if self.is_elsewhere() {
            return;
        }
        let mut values = Vec::new();
        let registry = self.collector.registry.lock();
        self.collector.roots.take_dropped(|value| values.push(value));
        self.collector.background.post_values(Values::Boxed(values));
        drop(registry);
        // What these roots held may be dead now, and hold the roots that are left: the idle heap is collected once more.
        self.collector.idle.note_activity(&self.collector.major);
    }
}

/// Ends the background thread of a heap that nothing uses any more, and waits until it has dropped everything, unless a destructor or the
/// event hook runs for long ([jobs.end-waits]) or the settings say not to wait. A collector thread does not wait: the last handle may
/// have been in an object that it is dropping. The thread is not joined ([jobs.end-let-go]).
fn end(collector: &Collector) {
    collector.pressure.end();
    collector.background.queue.end();
    let Config { end_waits, slow_destructor, .. } = collector.config;
    if end_waits && role() != Role::Collector {
        collector.background.end.wait(slow_destructor);
    }
}
