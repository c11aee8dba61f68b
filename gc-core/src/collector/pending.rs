//! What waits to be dropped: how much, for how long, and which parts of it are being dropped now.
//!
//! Dead values are counted in *batches*: those that a collection found, or that one part left. A
//! batch is what a thread waits for that drains the drops: it waits for all batches there are when
//! it asks.
//!
//! - **[pending.exact]** A value counts from the moment on at which a collection has found it dead,
//!   before any mutator runs again, until its destructor has returned. What it drops that is to be
//!   dropped later, such as a root of its heap, counts before it counts no more, and in the same
//!   batch.
//! - **[pending.seen]** A thread that finds that a value counts no more sees what its destructor
//!   did.
//!
//! The lock is a leaf.

use core::time::Duration;
use std::{collections::BTreeMap, time::Instant};

use crate::{
    memory::budget::Budget,
    sync::{
        Arc, Condvar, Mutex, RawLock,
        atomic::{AtomicUsize, Ordering},
        raw,
    },
};

use super::parts::{Part, Running};

/// The dead values of a heap that wait.
pub(crate) struct Pending {
    state: Mutex<State>,
    /// A batch has gone.
    gone: Condvar,
    /// The bytes of memory that hold them.
    bytes: AtomicUsize,
}

#[derive(Default)]
struct State {
    batches: BTreeMap<u64, Batch>,
    next: u64,
    /// Values in parts that have not ended, or in none yet.
    values: usize,
    /// Values in parts that have ended.
    run: u64,
    running: Vec<Running>,
    /// Whether the end of the heap waits until there are none.
    is_awaited: bool,
    /// Whether a thread looks at this now and then.
    is_watched: bool,
    /// Whether an event has reported that this is much.
    is_reported: bool,
}

struct Batch {
    values: usize,
    since: Instant,
}

/// How much waits to be dropped, and for how long the oldest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) values: usize,
    pub(crate) bytes: usize,
    pub(crate) oldest: Duration,
}

/// What a call that waits has found when its time was up.
pub(crate) struct Left {
    pub(crate) values: usize,
    pub(crate) oldest: Duration,
    /// The types whose destructors are running.
    pub(crate) running: Vec<&'static str>,
}

/// What the caller has to do when it has counted values.
#[must_use]
pub(crate) struct Counted {
    pub(crate) batch: u64,
    /// Nobody looks at this yet: the caller sees to it that a thread does.
    pub(crate) to_watch: bool,
    /// It is much, and was not reported: the caller reports it.
    pub(crate) to_report: Option<Amount>,
}

/// What a look has found.
#[derive(Default)]
pub(crate) struct Look {
    /// Whether anything waits.
    pub(crate) waits: bool,
    /// The destructors that have been running for long since the last look.
    pub(crate) slow: Vec<Slow>,
    /// The rest of their parts.
    pub(crate) rests: Vec<Part>,
    /// How many parts have a destructor that has been running for long.
    pub(crate) held_up: usize,
    pub(crate) to_report: Option<Amount>,
}

/// A destructor that has been running for long.
pub(crate) struct Slow {
    pub(crate) type_name: &'static str,
    pub(crate) ran: Duration,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), gone: Condvar::new(), bytes: AtomicUsize::new(0) }
    }

    /// Counts values in `batch`, or in a new one, and the memory that holds them.
    pub(crate) fn expect(&self, batch: Option<u64>, values: usize, bytes: usize) -> Counted {
        // Relaxed: a figure.
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let batch = batch.unwrap_or_else(|| {
            state.next += 1;
            state.next
        });
        state.batches.entry(batch).or_insert_with(|| Batch { values: 0, since: Instant::now() }).values += values;
        state.values += values;
        let to_watch = !core::mem::replace(&mut state.is_watched, true);
        let much = bytes > MUCH || (state.values > MANY && state.left_to_drop() > MANY);
        Counted { batch, to_watch, to_report: if much { state.report(bytes, Instant::now()) } else { None } }
    }

    /// Returns whether nothing waits to be dropped, so that the threads that drop values may leave.
    /// Then a thread that counts values has them watched anew, though the last look was not long
    /// ago: a look starts a thread.
    pub(crate) fn may_leave(&self) -> bool {
        let mut state = self.state.lock();
        let is_empty = state.values == 0;
        state.is_watched &= !is_empty;
        is_empty
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the parts whose threads are gone: this is the child of a fork. Returns what these
    /// had not begun to drop, and no look has taken.
    pub(crate) fn forget_running(&self) -> Vec<Part> {
        let running = core::mem::take(&mut self.state.lock().running);
        running.iter().filter(|running| !running.is_slow).filter_map(|running| running.part.take_rest()).collect()
    }

    /// Counts anew what waits: `each` passes the batch and the number of values of each job that is
    /// left. What is not among them is never dropped: the thread that had it is gone. Returns
    /// whether anything waits.
    pub(crate) fn recount(&self, each: impl FnOnce(&mut dyn FnMut(u64, usize))) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.batches.values_mut().for_each(|batch| batch.values = 0);
        state.values = 0;
        each(&mut |batch, values| {
            state.values += values;
            state.batches.entry(batch).or_insert_with(|| Batch { values: 0, since: Instant::now() }).values += values;
        });
        state.batches.retain(|_, batch| batch.values > 0);
        state.is_watched = state.values > 0;
        state.values > 0
    }

    /// Begins to drop a part.
    pub(crate) fn begin(&self, part: Arc<Part>) {
        self.state.lock().running.push(Running::new(part));
    }

    /// From now on, [`end`](Self::end) tells when nothing waits any more.
    pub(crate) fn tell_when_empty(&self) {
        self.state.lock().is_awaited = true;
    }

    /// Counts what a part has dropped when its thread is through with it, and frees and discharges
    /// the memory that held it before. Returns whether to wake the thread that ends the heap:
    /// nothing waits any more.
    #[must_use]
    pub(crate) fn end(&self, part: Arc<Part>, budget: &Budget) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Some(index) = state.running.iter().position(|running| Arc::ptr_eq(&running.part, &part)) {
            state.running.swap_remove(index);
        }
        let (batch, values) = (part.batch, part.claimed());
        // No thread has a clone but that one, which is gone: parts are cloned under the lock only.
        let bytes = Arc::into_inner(part).map_or(0, Part::into_bytes);
        budget.discharge(bytes);
        state.run += values as u64;
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        state.dropped(batch, values, before - bytes);
        if !state.batches.contains_key(&batch) {
            self.gone.notify_all();
        }
        state.is_awaited && state.values == 0
    }

    /// Returns whether nothing waits to be dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().values == 0
    }

    /// Returns the bytes of memory that hold values which wait to be dropped.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many values wait to be dropped, and how many were dropped in parts.
    pub(crate) fn figures(&self) -> (usize, u64) {
        let state = self.state.lock();
        let left = state.left_to_drop();
        (left, state.run + (state.values - left) as u64)
    }

    /// Returns the last batch that there is.
    pub(crate) fn last(&self) -> u64 {
        self.state.lock().next
    }

    /// Waits until all values of the batches up to `last` are dropped. Gives up after `timeout`.
    pub(crate) fn drain(&self, last: u64, timeout: Duration) -> Result<(), Left> {
        let mut state = self.state.lock();
        // A time that the clock cannot tell is no limit.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if state.batches.first_key_value().is_none_or(|(&first, _)| first > last) {
                return Ok(());
            }
            let now = Instant::now();
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(now));
            if left.is_zero() {
                return Err(state.left(last, now));
            }
            // No wait is so long that the system could not tell.
            self.gone.wait_for(&mut state, left.min(Duration::from_secs(3600)));
        }
    }

    /// Looks at what waits, for the thread that watches it.
    pub(crate) fn look(&self, long: Duration) -> Look {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let now = Instant::now();
        let mut look = Look { waits: state.values > 0, ..Look::default() };
        for running in &mut state.running {
            if running.gets_slow(now, long) {
                let slow = |type_name| Slow { type_name, ran: now - running.since };
                look.slow.extend(running.part.type_name().map(slow));
                look.rests.extend(running.part.take_rest());
            }
        }
        state.is_watched = look.waits;
        look.held_up = state.slow().count();
        if state.oldest_but_slow(now) > long.saturating_mul(LATE) {
            look.to_report = state.report(self.bytes(), now);
        }
        look
    }
}

impl State {
    fn slow(&self) -> impl Iterator<Item = &Running> {
        self.running.iter().filter(|running| running.is_slow)
    }

    /// Returns how many values are not dropped.
    fn left_to_drop(&self) -> usize {
        self.values - self.running.iter().map(|running| running.part.dropped()).sum::<usize>()
    }

    /// Returns the amount, unless it was reported and has not become little since.
    fn report(&mut self, bytes: usize, now: Instant) -> Option<Amount> {
        let (values, oldest) = (self.left_to_drop(), self.oldest(u64::MAX, now));
        (!core::mem::replace(&mut self.is_reported, true)).then_some(Amount { values, bytes, oldest })
    }

    fn dropped(&mut self, batch: u64, values: usize, bytes_left: usize) {
        self.values -= values;
        if let Some(of_batch) = self.batches.get_mut(&batch) {
            of_batch.values -= values;
            if of_batch.values == 0 {
                self.batches.remove(&batch);
            }
        }
        if self.left_to_drop() == self.slow().count() && bytes_left < MUCH {
            self.is_reported = false;
        }
    }

    /// Returns how long the oldest batch up to `last` has been waiting.
    fn oldest(&self, last: u64, now: Instant) -> Duration {
        let oldest = self.batches.range(..=last).next();
        oldest.map_or(Duration::ZERO, |(_, batch)| now.saturating_duration_since(batch.since))
    }

    /// Returns how long the oldest batch has been waiting of which more is left than destructors
    /// that run for long.
    fn oldest_but_slow(&self, now: Instant) -> Duration {
        let waits = |id: &u64, batch: &Batch| {
            let of_batch = self.running.iter().filter(|running| running.part.batch == *id);
            let gone: usize = of_batch.map(|running| running.part.dropped() + usize::from(running.is_slow)).sum();
            gone < batch.values
        };
        let oldest = self.batches.iter().find(|(id, batch)| waits(id, batch));
        oldest.map_or(Duration::ZERO, |(_, batch)| now.saturating_duration_since(batch.since))
    }

    fn left(&self, last: u64, now: Instant) -> Left {
        let parts = || self.running.iter().map(|running| &running.part).filter(|part| part.batch <= last);
        let counted: usize = self.batches.range(..=last).map(|(_, batch)| batch.values).sum();
        let values = counted - parts().map(|part| part.dropped()).sum::<usize>();
        let running = parts().filter_map(|part| part.type_name()).collect();
        Left { values, oldest: self.oldest(last, now), running }
    }
}

/// Bytes of dead values that wait to be dropped, above which an event reports them.
const MUCH: usize = 16 << 20;
/// The number of dead values from which on it does.
const MANY: usize = 1 << 20;
/// How many times as long as a destructor may run values may wait before it does.
const LATE: u32 = 10;
