//! The threads that help with collections: started when a collection would have wanted them, and there until the heap ends.
//!
//! They run nothing of the user's, so that a destructor never keeps them from a pause.

use std::thread;

use crate::{
    settings::config::Config,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{
    pool::WorkerPool,
    role::{Role, set_role},
};

/// A heap's helpers, and the crew that they serve.
pub(crate) struct Workers {
    /// Where they are met.
    pub(crate) pool: Arc<WorkerPool>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    /// How many there are.
    count: AtomicUsize,
    /// Whether they were asked for.
    wanted: AtomicBool,
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self {
            pool: Arc::new(WorkerPool::new()),
            threads: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            wanted: AtomicBool::new(false),
        }
    }

    pub(crate) fn count(&self) -> usize {
        // Relaxed: a figure; helpers are met in the crew.
        self.count.load(Ordering::Relaxed)
    }

    /// After a pause that copied so many bytes: whether helpers would have been of use, and have to be started. Once.
    pub(crate) fn want(&self, config: &Config, copied: usize) -> bool {
        // Relaxed: the leader's flag.
        copied > config.parallel_threshold && config.workers > 1 && !self.wanted.swap(true, Ordering::Relaxed)
    }

    /// Starts them, as many as the settings say.
    pub(crate) fn start(&self, workers: usize) -> std::io::Result<()> {
        let mut threads = self.threads.lock();
        while threads.len() + 1 < workers {
            let pool = self.pool.clone();
            let name = format!("gc-core helper {}", threads.len() + 1);
            let thread = thread::Builder::new().name(name).stack_size(STACK).spawn(move || {
                set_role(Role::Collector);
                pool.serve();
            });
            threads.push(thread?);
            // Relaxed: see `count`.
            self.count.store(threads.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Ends them. Nobody leads any more.
    pub(crate) fn join(&self) {
        self.pool.end();
        for thread in self.threads.lock().drain(..) {
            // A helper that fails aborts the process.
            let _ = thread.join();
        }
    }
}

/// Nested `Box`es in one object are traced recursively. Address space, of which only what is used costs memory.
const STACK: usize = 64 << 20;
