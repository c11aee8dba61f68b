//! The jobs of a heap's threads: those of the background thread, and the dead values for the
//! threads that run destructors. The threads themselves are in `job_thread` and `destructors`.

use core::cell::Cell;

use crate::{
    counted::owners::Object,
    memory::budget::Budget,
    registered::{Queues, Removals},
    roots::{EmptyChunks, RootRef},
    stats::event::{Event, Hook, Level},
    sync::{
        Arc, Mutex, RawLock,
        atomic::{AtomicU64, Ordering},
        raw,
    },
    workers::{
        Thread,
        on_demand::{OnDemand, Start},
    },
};

use super::{
    drops::{DropQueue, Dropped},
    end_signal::EndSignal,
    job_queue::Queue,
    parts::{Part, Values},
    pending::{Amount, Counted, Pending},
    presence::Presence,
};

/// A job of the background thread. None of them runs a destructor.
pub(crate) enum Job {
    Report(Event),
    /// Give empty memory back to the system.
    Trim,
    /// Free the memory of chunks that hold no root any more.
    FreeChunks(Vec<EmptyChunks>),
    /// Start the GC workers.
    StartWorkers,
    /// Values wait to be dropped: see to it that they are.
    Watch,
}

/// A job of a thread that runs destructors.
pub(crate) enum Dead {
    Part(Part),
    /// Drop the values of roots that were put aside by the destructors of values of `batch`
    /// (`nested_roots`). The roots keep the heap alive until then.
    Roots {
        roots: Vec<RootRef>,
        batch: u64,
    },
}

/// The queues of the heap's threads, and what is counted about them.
pub(crate) struct Background {
    /// Its thread releases the heap before it leaves ([job-queue.leaves]).
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) hook: Hook,
    /// The handle of the concurrent thread, if it was started. It may have left.
    pub(super) marker: Mutex<Option<Thread>>,
    /// The dead values that no thread has begun to drop yet.
    pub(super) dead: Queue<Dead>,
    /// The threads that drop them.
    pub(super) destructors: Arc<Presence>,
    /// The same with those that are being dropped, and those that are not posted yet.
    pub(crate) pending: Pending,
    /// Outlives the heap, for the thread that waits for its end.
    pub(super) end: Arc<EndSignal>,
    /// Values that were dropped on the threads of the program.
    run: AtomicU64,
    panicked: AtomicU64,
}

impl Background {
    /// `start` starts the background thread.
    pub(crate) fn new(hook: Hook, start: Start) -> Self {
        Self {
            queue: Arc::new(Queue::new(OnDemand::new(start))),
            hook,
            marker: Mutex::new(None),
            // The background thread sees to it that there are threads.
            dead: Queue::new(OnDemand::of_others()),
            destructors: Presence::new(),
            pending: Pending::new(),
            end: Arc::new(EndSignal::new()),
            run: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
        }
    }

    /// Returns the locks, first those that are taken first.
    pub(crate) fn lock_words(&self) -> [&RawLock; 6] {
        let (queue, dead) = (self.queue.lock_word(), self.dead.lock_word());
        let (pending, destructors) = (self.pending.lock_word(), self.destructors.lock_word());
        [raw(&self.marker), queue, dead, pending, destructors, self.end.lock_word()]
    }

    /// Forgets the heap's threads, which are gone: this is the child of a fork. What they had in
    /// hand is lost, and leaks; what waits is done when a thread is called for.
    pub(crate) fn forget_threads(&self) {
        // A handle of a thread that does not exist must not be dropped.
        core::mem::forget(self.marker.lock().take());
        self.queue.forget_threads();
        self.dead.forget_threads();
        self.destructors.forget_threads();
        self.end.forget_threads();
        for rest in self.pending.forget_running() {
            self.dead.post(Dead::Part(rest));
        }
        let waits = self.pending.recount(|count| {
            self.dead.each(|dead| match dead {
                Dead::Part(part) => count(part.batch, part.left()),
                Dead::Roots { roots, batch } => count(*batch, roots.len()),
            });
        });
        if waits {
            self.queue.leave_for_later(Job::Watch);
        }
    }

    /// Counts the dead values in `dead`, and the memory that holds them, as far as they are new
    /// since the last call. The caller posts them later.
    ///
    /// At the call, no other thread can know yet that these values are dead. The leader of a pause
    /// holds the registry lock and has not resumed the mutators; a sweep holds the lock of the old
    /// generation. So a thread that collects or runs afterwards finds each value that was found
    /// dead either dropped or counted here ([pending.exact]).
    pub(crate) fn expect_drops(&self, dead: &mut DropQueue, budget: &Budget) {
        let (new, new_bytes) = dead.count_new();
        if new == 0 {
            return;
        }
        budget.charge_always(new_bytes);
        dead.batch = Some(self.expect(dead.batch, new, new_bytes));
    }

    /// Counts dead values that are in no part yet. Returns their batch.
    fn expect(&self, batch: Option<u64>, values: usize, bytes: usize) -> u64 {
        let Counted { batch, to_watch, to_report } = self.pending.expect(batch, values, bytes);
        if to_watch {
            self.post(Job::Watch);
        }
        if let Some(amount) = to_report {
            self.report_behind(amount);
        }
        batch
    }

    pub(super) fn report_behind(&self, Amount { values, bytes, oldest }: Amount) {
        self.post(Job::Report(Event::DestructorsBehind { values, bytes, oldest }));
    }

    /// Queues values to be dropped, which are counted already.
    pub(crate) fn post_drops(&self, mut dead: DropQueue) {
        let empty = dead.take_empty();
        if !empty.is_empty() {
            self.post(Job::FreeChunks(empty));
        }
        let Some(batch) = dead.batch else { return };
        let (arenas, boxed, large) = dead.into_values();
        let moved = arenas.into_iter().map(Values::Moved);
        let values = moved.chain([Values::Boxed(boxed), Values::Large(large)]).filter(|values| !values.is_empty());
        for values in values {
            self.dead.post(Dead::Part(Part::new(values, batch)));
        }
    }

    /// Counts dead counted objects, and queues them to be reclaimed.
    pub(crate) fn post_counted(&self, dead: Vec<Object>) {
        self.post_values(Values::Counted(dead));
    }

    /// Looks after the queues of the program, into which something may have been put: counts
    /// notices that nobody can take, and queues them to be dropped, and has entries of weak tables
    /// removed. Reports if much waits to be taken.
    pub(crate) fn look_after(&self, queues: &Queues, removals: Removals) {
        queues.announce();
        if let Some((news, objects)) = queues.are_behind() {
            self.post(Job::Report(Event::QueuesBehind { news, objects }));
        }
        let orphans = queues.take_orphans().into_iter().chain(queues.make_removal(removals));
        self.post_values(Values::Notices(orphans.map(|notice| Cell::new(Some(notice))).collect()));
    }

    /// Counts values, and queues them to be dropped.
    pub(super) fn post_values(&self, values: Values) {
        if !values.is_empty() {
            let batch = self.expect(None, values.len(), 0);
            self.dead.post(Dead::Part(Part::new(values, batch)));
        }
    }

    /// Counts and queues roots that the destructors of values of `batch` have dropped.
    pub(super) fn post_roots(&self, roots: Vec<RootRef>, batch: u64) {
        self.expect(Some(batch), roots.len(), 0);
        self.post_counted_roots(roots, batch);
    }

    /// Queues roots that are counted already.
    pub(super) fn post_counted_roots(&self, roots: Vec<RootRef>, batch: u64) {
        self.dead.post_joined(Dead::Roots { roots, batch }, |last, job| match (last, job) {
            (Dead::Roots { roots: last, batch: its }, Dead::Roots { roots, batch }) if *its == batch => {
                last.extend(roots);
                None
            }
            (_, job) => Some(job),
        });
    }

    /// Returns whether the event hook is called for events of a level.
    pub(crate) fn hears(&self, level: Level) -> bool {
        level >= self.hook.least
    }

    /// Queues a job and wakes the thread.
    pub(crate) fn post(&self, job: Job) {
        if let Job::Report(event) = &job
            && !self.hears(event.level())
        {
            return;
        }
        self.queue.post(job);
    }

    /// Calls for the background thread again, if jobs wait and it is not there.
    pub(crate) fn call_again(&self) {
        self.queue.call();
    }

    /// Counts values that a thread of the program has dropped, and reports destructors that
    /// panicked.
    pub(crate) fn count(&self, mut dropped: Dropped) {
        // Relaxed: a figure.
        self.run.fetch_add(dropped.values, Ordering::Relaxed);
        self.count_panics(&mut dropped);
    }

    /// Counts and reports destructors that panicked.
    #[cold]
    pub(super) fn count_panics(&self, dropped: &mut Dropped) {
        // Relaxed: a figure.
        self.panicked.fetch_add(dropped.panicked.len() as u64, Ordering::Relaxed);
        for type_name in dropped.panicked.drain(..) {
            self.post(Job::Report(Event::DestructorPanicked { type_name }));
        }
    }

    /// Returns how many values wait to be dropped, how many were dropped, and how many destructors
    /// panicked.
    pub(crate) fn drops(&self) -> (usize, u64, u64) {
        let (pending, run) = self.pending.figures();
        // Relaxed: figures.
        (pending, run + self.run.load(Ordering::Relaxed), self.panicked.load(Ordering::Relaxed))
    }
}
