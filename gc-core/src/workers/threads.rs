//! The GC workers' threads: started after the first collection that could have used them, and kept
//! until the heap ends.
//!
//! They run no user code, so a destructor never keeps them from a pause.

use crate::{
    settings::config::Config,
    sync::{
        Arc, Mutex, RawLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        raw,
    },
};

use super::{
    pool::WorkerPool,
    role::{Role, set_role},
    start::{Thread, start},
};

/// A heap's GC workers, and the pool that they serve.
pub(crate) struct Workers {
    /// Where a collection meets them.
    pub(crate) pool: Arc<WorkerPool>,
    threads: Mutex<Vec<Thread>>,
    /// The number of workers.
    count: AtomicUsize,
    /// Whether their start was requested.
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
        // Relaxed: a statistic; a collection meets the workers in the pool.
        self.count.load(Ordering::Relaxed)
    }

    /// Returns how many workers the next leader is to use: none after leaders had to wait for them
    /// (`reliance`).
    pub(crate) fn reliable(&self) -> usize {
        let count = self.count();
        if count > 0 && self.pool.reliance.is_given() { count } else { 0 }
    }

    /// Returns, after a pause that copied `copied` bytes, whether the workers would have been of
    /// use and have to be started. Returns `true` only once.
    pub(crate) fn want(&self, config: &Config, copied: usize) -> bool {
        // Relaxed: the leader's flag.
        copied > config.parallel_threshold && config.workers > 1 && !self.wanted.swap(true, Ordering::Relaxed)
    }

    /// Starts the workers, as many as the settings say.
    pub(crate) fn start(&self, workers: usize) -> std::io::Result<()> {
        let mut threads = self.threads.lock();
        while threads.len() + 1 < workers {
            let pool = self.pool.clone();
            let name = format!("gc-core helper {}", threads.len() + 1);
            let thread = start(&name, move || {
                set_role(Role::Collector);
                pool.serve();
            });
            threads.push(thread?);
            // Relaxed: see `count`.
            self.count.store(threads.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn lock_words(&self) -> [&RawLock; 2] {
        [raw(&self.threads), self.pool.lock_word()]
    }

    /// Forgets the workers, which are gone: this is the child of a fork. They are started again
    /// when they would be of use.
    pub(crate) fn forget_threads(&self) {
        // A handle of a thread that does not exist must not be dropped.
        core::mem::forget(core::mem::take(&mut *self.threads.lock()));
        self.pool.forget_threads();
        // Relaxed, both: there is no other thread.
        self.count.store(0, Ordering::Relaxed);
        self.wanted.store(false, Ordering::Relaxed);
    }

    /// Ends and joins the workers. No thread leads any more.
    pub(crate) fn join(&self) {
        self.pool.end();
        for thread in self.threads.lock().drain(..) {
            // A worker that fails aborts the process.
            let _ = thread.join();
        }
    }
}
