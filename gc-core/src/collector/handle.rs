//! What heap handles, mutators and root tables share of a heap: dropping the last reference to it
//! ends the heap.

use crate::{roots::HeapHandle, sync::Arc};

use super::{collector::Collector, parts::Values};

/// One heap.
pub(crate) struct Handle {
    pub(crate) collector: Arc<Collector>,
    /// Ends the heap.
    end: fn(&Arc<Collector>),
}

impl Handle {
    pub(crate) fn new(collector: Arc<Collector>, end: fn(&Arc<Collector>)) -> Self {
        Self { collector, end }
    }

    /// See [`Collector::is_elsewhere`].
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.collector.is_elsewhere()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.is_elsewhere() {
            // There the heap leaks, with the objects in it: no thread exists that could drop them, and handles of its threads must
            // not be dropped.
            core::mem::forget(self.collector.clone());
        } else {
            (self.end)(&self.collector);
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
