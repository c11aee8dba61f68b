//! What handles, mutators and root tables hold of a heap: dropping the last one ends it.

use std::thread::{self, JoinHandle};

use crate::{
    roots::HeapHandle,
    sync::{Arc, Mutex},
    workers::role::{Role, role},
};

use super::collector::Collector;

/// One heap and its background thread.
pub(crate) struct Handle {
    pub(crate) collector: Arc<Collector>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The process that the heap's threads are in.
    process: u32,
}

impl Handle {
    /// The handle of a heap whose thread runs.
    pub(crate) fn new(collector: Arc<Collector>, thread: JoinHandle<()>) -> Self {
        Self { collector, thread: Mutex::new(Some(thread)), process: std::process::id() }
    }

    /// Whether this is the child of a fork: the heap's threads are not here, and locks may be held by threads that are not, either.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get_mut().take() {
            if self.is_elsewhere() {
                // The heap leaks, with what it holds: nobody is here to drop it.
                core::mem::forget(thread);
                return;
            }
            stop(&self.collector, thread);
        }
    }
}

impl HeapHandle for Handle {}

/// Ends the thread of a heap that nobody uses any more, and waits for it; from a collector thread, without waiting: the last
/// handle may have been in an object that is being dropped there.
fn stop(collector: &Collector, thread: thread::JoinHandle<()>) {
    collector.background.queue.stop();
    if role() != Role::Collector && thread.join().is_err() {
        // Destructors and the hook are caught: what gets here is a bug of ours, and the heap leaks.
        eprintln!("gc-core: the background collector panicked");
    }
}
