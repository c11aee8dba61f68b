//! The background thread's jobs: those that wait, and how much waits to be dropped. The thread itself is in `job_thread`.

use std::thread;

use crate::{
    counted::owners::Object,
    memory::budget::Budget,
    roots::RootRef,
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

/// A job of the background thread.
pub(crate) enum Job {
    Drop(DropQueue),
    /// Reclaim dead counted objects.
    Reclaim(Vec<Object>),
    /// Drop the values of roots that were put aside in a job (`nested_roots`). The roots keep the heap alive until then.
    Roots(Vec<RootRef>),
    Report(Event),
    /// Give empty memory back to the system.
    Trim,
    /// Start the GC workers.
    StartWorkers,
}

/// The queue of the background thread.
pub(crate) struct Background {
    pub(super) queue: Queue<Job>,
    pub(super) hook: Hook,
    /// The handle of the concurrent thread.
    pub(super) marker: Mutex<Option<thread::JoinHandle<()>>>,
    /// Dead values in jobs that have not ended, or are not posted yet.
    waiting: AtomicUsize,
    /// The bytes of memory that hold them.
    waiting_bytes: AtomicUsize,
    /// Whether an event has reported that they are too many.
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
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            reported_behind: AtomicBool::new(false),
            run: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    /// Counts the dead values in `dead`, and the memory that holds them, as far as they are new since the last call. The
    /// caller posts them later.
    ///
    /// At the call, no other thread can know yet that these values are dead. The leader of a pause holds the registry lock and
    /// has not resumed the mutators; a sweep holds the lock of the old generation. So a thread that collects or runs afterwards
    /// finds each value that was found dead either dropped or counted here.
    pub(crate) fn expect_drops(&self, dead: &mut DropQueue, budget: &Budget) {
        let (new, new_bytes) = dead.count_new();
        budget.charge_always(new_bytes);
        // Relaxed, here and below: counters for `Stats`. The lock, or the end of the pause, orders them.
        let values = self.waiting.fetch_add(new, Ordering::Relaxed) + new;
        let bytes = self.waiting_bytes.fetch_add(new_bytes, Ordering::Relaxed) + new_bytes;
        if bytes > MANY && !self.reported_behind.swap(true, Ordering::Relaxed) {
            // It goes before the drops that it is about.
            self.queue.post_first(Job::Report(Event::DestructorsBehind { values, bytes }));
        }
    }

    /// Counts dead values that are in no job yet, or in one that drops others.
    pub(super) fn expect_values(&self, values: usize) {
        self.waiting.fetch_add(values, Ordering::Relaxed);
    }

    /// Counts values as dropped, which one of the methods around this one has counted.
    pub(super) fn dropped(&self, values: usize, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if self.waiting.fetch_sub(values, Ordering::Relaxed) == values {
            self.reported_behind.store(false, Ordering::Relaxed);
        }
    }

    /// Queues values to be dropped, which are counted already.
    pub(crate) fn post_drops(&self, dead: DropQueue) {
        if !dead.is_empty() {
            self.post(Job::Drop(dead));
        }
    }

    /// Counts dead counted objects, and queues them to be reclaimed.
    pub(crate) fn post_counted(&self, dead: Vec<Object>) {
        if !dead.is_empty() {
            self.expect_values(dead.len());
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

    /// Counts the values that were dropped, and reports destructors that panicked.
    pub(crate) fn count(&self, dropped: Dropped) {
        self.run.fetch_add(dropped.values, Ordering::Relaxed);
        self.panicked.fetch_add(dropped.panicked.len() as u64, Ordering::Relaxed);
        for type_name in dropped.panicked {
            self.post(Job::Report(Event::DestructorPanicked { type_name }));
        }
    }

    /// Returns the bytes of memory that hold values which wait to be dropped.
    pub(crate) fn pending_bytes(&self) -> usize {
        // Relaxed: a figure.
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Returns how many values wait to be dropped, how many were dropped, and how many destructors panicked.
    pub(crate) fn drops(&self) -> (usize, u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (self.waiting.load(Ordering::Relaxed), load(&self.run), load(&self.panicked))
    }
}

/// Bytes of dead values that wait to be dropped, above which an event reports them.
const MANY: usize = 16 << 20;
