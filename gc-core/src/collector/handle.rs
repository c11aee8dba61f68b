//! What handles, mutators and root tables hold of a heap: dropping the last one ends it.

use std::thread::JoinHandle;

use crate::{
    roots::HeapHandle,
    settings::config::{BuildError, Config},
    sync::{Arc, Mutex},
};

use super::{collector::Shared, job_thread, jobs::Job};

/// One heap and its background thread.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The process that the heap's threads are in.
    process: u32,
}

impl Handle {
    /// Makes a heap and starts its thread.
    pub(crate) fn new(config: Config) -> Result<Self, BuildError> {
        let shared = Arc::new(Shared::new(config)?);
        let thread = job_thread::start(shared.clone()).map_err(|error| BuildError::Thread(error.to_string()))?;
        if shared.config.stress.workers != 0 {
            // From the first collection on.
            shared.background.post(Job::Hire);
        }
        Ok(Self { shared, thread: Mutex::new(Some(thread)), process: std::process::id() })
    }
}

impl HeapHandle for Handle {}

impl Handle {
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
            job_thread::stop(&self.shared, thread);
        }
    }
}
