//! What handles, mutators and root tables hold of a heap: dropping the last one ends it.

use std::thread::JoinHandle;

use crate::sync::{Arc, Mutex};

use super::{background, background::Job, config::BuildError, config::Config, shared::Shared};

/// One heap and its background thread.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    /// Makes a heap and starts its thread.
    pub(crate) fn new(config: Config) -> Result<Self, BuildError> {
        let shared = Arc::new(Shared::new(config)?);
        let thread = background::start(shared.clone()).map_err(|error| BuildError::Thread(error.to_string()))?;
        if shared.config.stress.workers != 0 {
            // From the first collection on.
            shared.background.post(Job::Hire);
        }
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get_mut().take() {
            background::stop(&self.shared, thread);
        }
    }
}
