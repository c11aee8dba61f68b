//! The threads of a heap that run destructors, as a number: nobody joins them.
//!
//! When such a thread ends, the destructors of its thread-locals run, which are code of the
//! program: they may take long, or hang. So the background thread does not wait for its end, but
//! until it has *left*. The model is `models/protocols/presence.rs`.
//!
//! - **[presence.left]** A thread has released its reference to the heap before it leaves. So where
//!   all have left, none has one.
//!
//! The lock is a leaf.

use crate::sync::{Arc, Condvar, Mutex, RawLock, mutant, raw};

/// How many threads are present.
pub(crate) struct Presence {
    threads: Mutex<usize>,
    left: Condvar,
}

impl Presence {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { threads: Mutex::new(0), left: Condvar::new() })
    }

    /// Counts one more thread, until what this returns is dropped.
    pub(crate) fn enter(this: &Arc<Self>) -> Present {
        *this.threads.lock() += 1;
        Present(this.clone())
    }

    pub(crate) fn threads(&self) -> usize {
        *self.threads.lock()
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.threads)
    }

    /// Forgets the threads, which are gone: this is the child of a fork.
    pub(crate) fn forget_threads(&self) {
        *self.threads.lock() = 0;
    }

    /// Waits until all threads have left.
    pub(crate) fn wait_until_all_left(&self) {
        let mut threads = self.threads.lock();
        while *threads > 0 {
            self.left.wait(&mut threads);
        }
    }
}

/// A thread that is present, which leaves when this is dropped.
pub(crate) struct Present(Arc<Presence>);

/// A clone counts, too: a thread that is not started yet may have to be tried twice.
impl Clone for Present {
    fn clone(&self) -> Self {
        Presence::enter(&self.0)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut threads = self.0.threads.lock();
        *threads -= 1;
        if *threads == 0 && !mutant::LEAVES_SILENTLY.is_planted() {
            self.0.left.notify_all();
        }
    }
}
