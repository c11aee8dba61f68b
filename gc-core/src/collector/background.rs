//! The heap's own thread: it drops dead values, tells events and gives memory back, away from pauses and mutators.
//!
//! ```text
//!   post(Job) ─▶ queue ─▶ this thread, or `help` on a thread that called `collect`
//!   last handle, root and mutator gone ─▶ stop ─▶ the queue is emptied, every object left is dropped, the thread ends
//! ```
//!
//! - **K1** No lock is held while user code (destructors, the event hook) runs.
//! - **K2** A job is run once (Q1 of `queue`). Jobs are not ordered among each other.
//! - **K3** The thread's end owns the heap: nobody else is left who could use it.

use core::ptr::NonNull;
use std::{panic, thread};

use crate::{
    counted::{grave, owners::Object},
    memory::{BLOCK, PAGE, bitmap::ones, budget::Budget},
    object::Header,
    stats::event::{Event, Hook},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    workers::role::{Role, role, set_role},
};

use super::{
    job_queue::Queue,
    marker,
    pending::{Dropped, Pending, drop_object},
    shared::Shared,
};

/// Something to do beside the program.
pub(crate) enum Job {
    Drop(Pending),
    /// Dead counted objects.
    Bury(Vec<Object>),
    Tell(Event),
    /// Give empty memory back.
    Trim,
    /// Start the threads that help with collections.
    Hire,
}

/// The queue of the background thread.
pub(crate) struct Background {
    queue: Queue<Job>,
    hook: Hook,
    /// The marker's thread.
    marker: Mutex<Option<thread::JoinHandle<()>>>,
    /// Values in jobs that were not finished, or not posted yet.
    pending: AtomicUsize,
    /// Bytes that they lie in.
    pending_bytes: AtomicUsize,
    /// Whether it was told that they are too many.
    told_behind: AtomicBool,
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
            told_behind: AtomicBool::new(false),
            run: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    /// Counts values that will be posted to be dropped, and the memory that they lie in.
    ///
    /// The caller has the registry locked and, in a pause, lets nobody go on yet: so whoever collects next, or goes on, finds what
    /// was found dead dropped, or counted here.
    pub(crate) fn expect_drops(&self, pending: &Pending, budget: &Budget) {
        budget.charge_always(pending.bytes());
        // Relaxed, here and below: counters for `Stats`, which the lock and the end of the pause order.
        let values = self.pending.fetch_add(pending.len(), Ordering::Relaxed) + pending.len();
        let bytes = self.pending_bytes.fetch_add(pending.bytes(), Ordering::Relaxed) + pending.bytes();
        if bytes > MANY && !self.told_behind.swap(true, Ordering::Relaxed) {
            // In front of the drops that it is about.
            self.queue.post_first(Job::Tell(Event::DestructorsBehind { values, bytes }));
        }
    }

    /// Values that were expected are dropped.
    fn dropped(&self, values: usize, bytes: usize) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if self.pending.fetch_sub(values, Ordering::Relaxed) == values {
            self.told_behind.store(false, Ordering::Relaxed);
        }
    }

    /// Queues values to be dropped, which were counted.
    pub(crate) fn post_drops(&self, pending: Pending) {
        if !pending.is_empty() {
            self.post(Job::Drop(pending));
        }
    }

    /// Counts and queues dead counted objects, to be ended.
    pub(crate) fn post_counted(&self, dead: Vec<Object>) {
        if !dead.is_empty() {
            self.pending.fetch_add(dead.len(), Ordering::Relaxed);
            self.post(Job::Bury(dead));
        }
    }

    /// Queues a job and wakes the thread.
    pub(crate) fn post(&self, job: Job) {
        if let Job::Tell(event) = &job
            && event.level() < self.hook.least
        {
            return;
        }
        self.queue.post(job);
    }

    /// Values that wait to be dropped, were dropped, and whose destructors panicked.
    pub(crate) fn drops(&self) -> (usize, u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (self.pending.load(Ordering::Relaxed), load(&self.run), load(&self.panicked))
    }
}

/// Starts the threads of a heap: this one, and the marker.
pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<thread::JoinHandle<()>> {
    let marker = marker::start(shared.clone())?;
    let own = shared.clone();
    let background = thread::Builder::new().name("gc-core collector".to_owned()).stack_size(STACK).spawn(move || {
        set_role(Role::Collector);
        work(&own);
        own.full.stop();
        if let Some(marker) = own.background.marker.lock().take()
            && marker.join().is_err()
        {
            // It runs no user code but `Trace`: what gets here is a bug of ours, and nothing is dropped.
            eprintln!("gc-core: the marker panicked");
            return;
        }
        own.helpers.dismiss(&own.crew);
        own.drop_everything();
        // What destructors that panicked at the very end left to tell.
        work(&own);
    });
    match background {
        Ok(_) => *shared.background.marker.lock() = Some(marker),
        Err(_) => {
            shared.full.stop();
            let _ = marker.join();
        }
    }
    background
}

/// Bytes of dead values that wait to be dropped at which somebody should look.
const MANY: usize = 16 << 20;
/// Bytes of empty memory of each kind that are kept at least; a quarter of what is in use if that is more.
const SPARE: usize = 4 << 20;
/// Nested `Box`es in one object drop recursively.
const STACK: usize = 64 << 20;

/// Ends the thread of a heap that nobody uses any more, and waits for it; from a collector thread, without waiting: the last
/// handle may have been in an object that is being dropped there.
pub(crate) fn stop(shared: &Shared, thread: thread::JoinHandle<()>) {
    shared.background.queue.stop();
    if role() != Role::Collector && thread.join().is_err() {
        // Destructors and the hook are caught: what gets here is a bug of ours, and the heap leaks.
        eprintln!("gc-core: the background collector panicked");
    }
}

fn work(shared: &Shared) {
    while let Some(job) = shared.background.queue.next() {
        shared.run(job);
    }
}

impl Shared {
    /// Runs the drops that wait, on a thread that asked for a collection and holds nothing.
    pub(crate) fn help(&self) {
        let is_drop = |job: &Job| matches!(job, Job::Drop(_) | Job::Bury(_));
        // Others may post drops as fast as they are run: only those that are there now.
        for _ in 0..self.background.queue.count(is_drop) {
            let Some(job) = self.background.queue.take(is_drop) else { return };
            self.run(job);
        }
    }

    /// Runs one job. No lock is held (K1).
    fn run(&self, job: Job) {
        match job {
            Job::Drop(pending) => self.drop_pending(pending),
            Job::Bury(dead) => self.bury(dead),
            Job::Tell(event) => {
                let tell = &self.background.hook.tell;
                // A hook that panics has been reported by the panic hook; the collector goes on.
                if let Err(payload) = panic::catch_unwind(panic::AssertUnwindSafe(|| tell(&event))) {
                    core::mem::forget(payload);
                }
            }
            Job::Hire => {
                if let Err(error) = self.helpers.hire(&self.crew, self.config.workers) {
                    let event = Event::NoHelper { helpers: self.helpers.count(), os: error.to_string() };
                    self.background.post(Job::Tell(event));
                }
            }
            Job::Trim => {
                // What the old generation grows by until the next full collection would be taken again at once, and a page
                // that was given back costs ten times the allocation on it.
                let used = self.old.lock().space.used_blocks();
                // Relaxed: a figure.
                let goal = self.pace.goal.load(Ordering::Relaxed) / BLOCK;
                let spare = goal.saturating_sub(used).max(SPARE / BLOCK);
                self.release_blocks(self.young.lock(), spare);
                self.release_chunks();
                let used = self.large.lock().used_pages * PAGE;
                self.release_runs((used / 4).max(SPARE));
            }
        }
    }

    fn drop_pending(&self, mut pending: Pending) {
        let mut dropped = Dropped::default();
        let (count, bytes) = (pending.len(), pending.bytes());
        for page in pending.take_large() {
            let (address, info) = self.runs.object(page as usize);
            // SAFETY: a dead run's object, handed to us alone.
            unsafe { drop_object(address, info, &mut dropped) };
            self.large.lock().give_back(&self.runs, page);
        }
        pending.run(&mut dropped);
        self.memory.budget.discharge(bytes);
        self.count(dropped);
        self.background.dropped(count, bytes);
    }

    /// Ends dead counted objects.
    fn bury(&self, dead: Vec<Object>) {
        let mut dropped = Dropped::default();
        let count = dead.len();
        for object in dead {
            dropped.values += 1;
            dropped.note(grave::end(object), object.kind.name);
        }
        self.count(dropped);
        self.background.dropped(count, 0);
    }

    /// Counts what was dropped, and tells of destructors that panicked.
    pub(crate) fn count(&self, dropped: Dropped) {
        self.background.run.fetch_add(dropped.values, Ordering::Relaxed);
        self.background.panicked.fetch_add(dropped.panicked.len() as u64, Ordering::Relaxed);
        for type_name in dropped.panicked {
            self.background.post(Job::Tell(Event::DestructorPanicked { type_name }));
        }
    }

    /// Drops every object and root that is left (K3).
    fn drop_everything(&self) {
        let mut dropped = Dropped::default();
        let tables = core::mem::take(&mut self.registry.lock().tables);
        let mut boxed = Pending::default();
        for table in &tables {
            table.scan(|_, _| unreachable!("gc-core: a root without a heap"), |value| boxed.boxed(value));
        }
        boxed.run(&mut dropped);
        for address in self.objects_to_drop() {
            // SAFETY: an object, whose header is an info outside of pauses.
            let info = unsafe { Header::of(address.as_ptr()).info() };
            // SAFETY: nobody else is left (K3), and each object is on one list.
            unsafe { drop_object(address.as_ptr(), info, &mut dropped) };
        }
        self.count(dropped);
    }

    /// Every object that needs dropping.
    fn objects_to_drop(&self) -> Vec<NonNull<u8>> {
        let mut young = self.young.lock();
        let mut objects = core::mem::take(&mut young.drops);
        let mut large = self.large.lock();
        let (old, unswept) = (core::mem::take(&mut large.old), core::mem::take(&mut large.unswept));
        let runs = old.into_iter().chain(unswept).chain(core::mem::take(&mut young.fresh_large));
        let runs = runs.map(|page| self.runs.object(page as usize)).filter(|(_, info)| info.drop.is_some());
        objects.extend(runs.filter_map(|(address, _)| NonNull::new(address)));
        let old = &self.old.lock().space;
        for (index, block) in old.blocks.iter().enumerate() {
            let Some(class) = block.class.filter(|_| block.drops) else { continue };
            // Relaxed: nobody else is left.
            let words = old.bits.drops.block(index).each_ref().map(|word| word.load(Ordering::Relaxed));
            objects.extend(ones(words).filter_map(|granule| NonNull::new(old.address(index, class, granule))));
        }
        objects
    }
}
