//! What the heap's own thread has to do: jobs that wait, and how much waits to be dropped. The thread is in `job_thread`.

use std::thread;

use crate::{
    counted::owners::Object,
    memory::budget::Budget,
    stats::event::{Event, Hook},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{
    drops::{DropQueue, Dropped},
    job_queue::Queue,
};

/// Something to do beside the program.
pub(crate) enum Job {
    Drop(DropQueue),
    /// Dead counted objects.
    Reclaim(Vec<Object>),
    Report(Event),
    /// Give empty memory back.
    Trim,
    /// Start the threads that help with collections.
    StartWorkers,
}

/// The queue of the background thread.
pub(crate) struct Background {
    pub(super) queue: Queue<Job>,
    pub(super) hook: Hook,
    /// The marker's thread.
    pub(super) marker: Mutex<Option<thread::JoinHandle<()>>>,
    /// Values in jobs that were not finished, or not posted yet.
    pending: AtomicUsize,
    /// Bytes that they lie in.
    pending_bytes: AtomicUsize,
    /// Whether it was told that they are too many.
    reported_behind: AtomicBool,
    run: AtomicU64,
    panicked: AtomicU64,
}

impl Background {
    pub(crate) fn new(hook: Hook) -> Self {
        Self {
            queue: Queue::new(),
            hook,
            marker: Mutex::new(None),
            pending: AtomicUsize::new(0),
            pending_bytes: AtomicUsize::new(0),
            reported_behind: AtomicBool::new(false),
            run: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    /// Counts values that will be posted to be dropped, and the memory that they lie in: those that came since the last call.
    ///
    /// The caller lets nobody see yet that they are dead: it has the registry locked and, in a pause, lets nobody go on; a sweep has the old
    /// generation locked. So whoever collects next, or goes on, finds what was found dead dropped, or counted here.
    pub(crate) fn expect_drops(&self, pending: &mut DropQueue, budget: &Budget) {
        let (new, new_bytes) = pending.count_new();
        budget.charge_always(new_bytes);
        // Relaxed, here and below: counters for `Stats`, which the lock and the end of the pause order.
        let values = self.pending.fetch_add(new, Ordering::Relaxed) + new;
        let bytes = self.pending_bytes.fetch_add(new_bytes, Ordering::Relaxed) + new_bytes;
        if bytes > MANY && !self.reported_behind.swap(true, Ordering::Relaxed) {
            // In front of the drops that it is about.
            self.queue.post_first(Job::Report(Event::DestructorsBehind { values, bytes }));
        }
    }

    /// Values that were expected are dropped.
    pub(super) fn dropped(&self, values: usize, bytes: usize) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if self.pending.fetch_sub(values, Ordering::Relaxed) == values {
            self.reported_behind.store(false, Ordering::Relaxed);
        }
    }

    /// Queues values to be dropped, which were counted.
    pub(crate) fn post_drops(&self, pending: DropQueue) {
        if !pending.is_empty() {
            self.post(Job::Drop(pending));
        }
    }

    /// Counts and queues dead counted objects, to be ended.
    pub(crate) fn post_counted(&self, dead: Vec<Object>) {
        if !dead.is_empty() {
            self.pending.fetch_add(dead.len(), Ordering::Relaxed);
            self.post(Job::Reclaim(dead));
        }
    }

    /// Queues a job and wakes the thread.
    pub(crate) fn post(&self, job: Job) {
        if let Job::Report(event) = &job
            && event.level() < self.hook.least
        {
            return;
        }
        self.queue.post(job);
    }

    /// Counts what was dropped, and tells of destructors that panicked.
    pub(crate) fn count(&self, dropped: Dropped) {
        self.run.fetch_add(dropped.values, Ordering::Relaxed);
        self.panicked.fetch_add(dropped.panicked.len() as u64, Ordering::Relaxed);
        for type_name in dropped.panicked {
            self.post(Job::Report(Event::DestructorPanicked { type_name }));
        }
    }

    /// Values that wait to be dropped, were dropped, and whose destructors panicked.
    pub(crate) fn drops(&self) -> (usize, u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (self.pending.load(Ordering::Relaxed), load(&self.run), load(&self.panicked))
    }
}

/// Bytes of dead values that wait to be dropped at which somebody should look.
const MANY: usize = 16 << 20;
