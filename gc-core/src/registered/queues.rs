//! The queues of a heap from which the program takes what the collector has found: news of deaths,
//! and objects to finalize.
//!
//! They are under one lock, a leaf. The collector puts something into a queue without running any
//! code of the program; what nobody can take any more waits among the orphans until a thread that
//! runs destructors drops it.
//!
//! - **[queues.roots]** An object in a queue is reached from there: pauses visit its word as they
//!   visit a root. A young pause visits the words that may hold young objects, which are the last
//!   ones of their queue.
//! - **[queues.words]** A thread that has no mutator, or blocks, may close a queue at any time, and
//!   frees its words. So a pause uses a word under the lock only.
//! - **[queues.once]** What is put in is taken out once, by a thread that takes it or by the one
//!   that closes the queue.
//! - **[queues.entries]** A pair of a weak table that was cleared waits here until its entry is
//!   removed from the table. The thread that hands pairs over has the removal begun afterwards,
//!   unless it was and has taken none since: so no pair waits for nothing.
//! - **[queues.orphans]** What is told to a queue that is closed is an orphan, and the thread that
//!   takes the orphans next, after that, gets it: the flag that there are some changes under the
//!   lock.
//!
//! The model is `models/protocols/queues.rs`.

use core::{any::Any, ptr::NonNull, time::Duration};
use std::{
    collections::{HashMap, VecDeque},
    sync::OnceLock,
    time::Instant,
};

use crate::sync::{
    Condvar, Mutex, MutexGuard, RawLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
    mutant, raw,
};

use super::{generations::Generations, handed::Handed};

/// What a program attached to an object, for when it dies.
pub(crate) type Notice = Box<dyn Any + Send>;

/// Names a queue of a heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct QueueId(u64);

/// The queues of a heap. They outlive it, so that what is left in them can be taken.
pub(crate) struct Queues {
    state: Mutex<State>,
    /// Something was put into a queue, or the heap has ended.
    arrived: Condvar,
    has_orphans: AtomicBool,
    /// Something was put in that was not announced.
    has_arrived: AtomicBool,
    /// How many notices and objects wait. A pause has nothing to visit if no object does.
    pub(crate) news: Amount,
    pub(crate) objects: Amount,
    /// How many pairs of weak tables wait.
    entries: Amount,
    /// What has entries removed: made with the first weak table.
    removal: OnceLock<MakeRemoval>,
    /// A removal was begun, and has taken nothing yet.
    is_removal_due: AtomicBool,
    was_behind: AtomicBool,
}

/// Makes a value that removes entries when it is dropped.
type MakeRemoval = Box<dyn Fn() -> Notice + Send + Sync>;

/// How many of something there are: it changes under the lock, and is exact while the world is
/// stopped.
pub(crate) struct Amount(AtomicUsize);

impl Amount {
    fn none() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(crate) fn get(&self) -> usize {
        // Relaxed, as in `add`: a figure.
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, more: usize) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn take(&self, fewer: usize) {
        self.0.fetch_sub(fewer, Ordering::Relaxed);
    }
}

/// So much waits when the program is behind.
const BEHIND: usize = 1 << 16;

#[derive(Default)]
struct State {
    last: u64,
    news: HashMap<QueueId, VecDeque<Notice>>,
    objects: HashMap<QueueId, Handed>,
    entries: Handed,
    /// How many pairs were handed over, and how many were taken. Each has a number, in this order.
    handed_over: u64,
    taken: u64,
    /// The numbers of those that threads have in hand.
    in_hand: Vec<u64>,
    /// Nobody removes entries any more.
    are_entries_over: bool,
    orphans: Vec<Notice>,
    /// Whether a thread waits that was not notified since.
    is_awaited: bool,
    has_ended: bool,
}

// SAFETY: these are addresses of objects, which the collector and mutators of the heap use; the rest is `Send`.
unsafe impl Send for State {}

/// For how few dead entries of weak tables a thread is worth it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Removals {
    /// For any.
    All,
    /// For [`MANY`]: another pause will come.
    Many,
}

const MANY: usize = 1024;

/// A pair that was taken, to remove its entry.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct TakenEntry {
    pub(crate) pair: NonNull<u8>,
    number: u64,
}

/// Why nothing was taken from a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nothing {
    /// Nothing came in time.
    TimedOut,
    /// Nothing will ever come: the heap has ended.
    Ended,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            has_orphans: AtomicBool::new(false),
            has_arrived: AtomicBool::new(false),
            news: Amount::none(),
            objects: Amount::none(),
            entries: Amount::none(),
            removal: OnceLock::new(),
            is_removal_due: AtomicBool::new(false),
            was_behind: AtomicBool::new(false),
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Opens a queue of news.
    pub(crate) fn open_news(&self) -> QueueId {
        let mut state = self.state.lock();
        let id = state.next_id();
        state.news.insert(id, VecDeque::new());
        id
    }

    /// Opens a queue of objects.
    pub(crate) fn open_objects(&self) -> QueueId {
        let mut state = self.state.lock();
        let id = state.next_id();
        state.objects.insert(id, Handed::default());
        id
    }

    /// Closes a queue. Returns what was in it.
    pub(crate) fn close(&self, id: QueueId) -> VecDeque<Notice> {
        let mut state = self.state.lock();
        if let Some(queue) = state.objects.remove(&id) {
            self.objects.take(queue.words.len());
        }
        let news = state.news.remove(&id).unwrap_or_default();
        self.news.take(news.len());
        news
    }

    /// Closes a queue of news from which nobody takes any more. What is in it, and comes, is
    /// dropped as what [`tell`](Self::tell) finds no queue for: it may own these queues.
    pub(crate) fn forsake(&self, id: QueueId) {
        let mut state = self.state.lock();
        let news = state.news.remove(&id).unwrap_or_default();
        self.news.take(news.len());
        state.orphans.extend(news);
        // Relaxed: see `take_orphans`.
        self.has_orphans.store(true, Ordering::Relaxed);
    }

    /// Returns whether a queue of objects is open.
    pub(crate) fn is_open(&self, id: QueueId) -> bool {
        self.state.lock().objects.contains_key(&id)
    }

    /// Puts news into a queue.
    pub(crate) fn tell(&self, id: QueueId, notice: Notice) {
        let mut state = self.state.lock();
        if mutant::CLOSED_QUEUE_IS_TOLD.is_planted() && state.news.contains_key(&id) {
            MutexGuard::unlocked(&mut state, || ());
            state.news.entry(id).or_default();
        }
        match state.news.get_mut(&id) {
            Some(queue) => {
                queue.push_back(notice);
                self.news.add(1);
            }
            None => {
                state.orphans.push(notice);
                // Relaxed: see `take_orphans`.
                self.has_orphans.store(true, Ordering::Relaxed);
            }
        }
        // Relaxed: see `announce`.
        self.has_arrived.store(true, Ordering::Relaxed);
    }

    /// Puts an object into a queue, which keeps it alive from now on.
    pub(crate) fn hand_over(&self, id: QueueId, object: NonNull<u8>, generations: Generations<'_>) {
        let mut state = self.state.lock();
        if let Some(queue) = state.objects.get_mut(&id) {
            queue.push(object, generations);
            self.objects.add(1);
        }
        // Relaxed: see `announce`.
        self.has_arrived.store(true, Ordering::Relaxed);
    }

    /// Hands pairs of weak tables over that were cleared. The caller looks after these queues
    /// afterwards ([queues.entries]).
    pub(crate) fn hand_over_entries(&self, pairs: Vec<NonNull<u8>>, generations: Generations<'_>) {
        if pairs.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        if state.are_entries_over {
            return;
        }
        state.handed_over += pairs.len() as u64;
        self.entries.add(pairs.len());
        pairs.into_iter().for_each(|pair| state.entries.push(pair, generations));
    }

    /// Releases the pairs that wait: the last user of the heap goes, and nobody removes entries any
    /// more. They would keep their tables, and what these own.
    pub(crate) fn end_entries(&self) {
        let mut state = self.state.lock();
        state.are_entries_over = true;
        self.entries.take(core::mem::take(&mut state.entries).words.len());
    }

    /// Returns how many pairs were ever handed over.
    pub(crate) fn handed_over(&self) -> u64 {
        self.state.lock().handed_over
    }

    /// Returns how many of the first `handed_over` pairs have not been removed.
    pub(crate) fn entries_left(&self, handed_over: u64) -> usize {
        let state = self.state.lock();
        let in_hand = state.in_hand.iter().filter(|&&number| number < handed_over).count();
        handed_over.saturating_sub(state.taken) as usize + in_hand
    }

    /// Forgets the threads that remove entries, which are gone: this is the child of a fork.
    pub(crate) fn forget_threads(&self) {
        self.state.lock().in_hand.clear();
        self.begin_removal();
    }

    /// Says what has entries of weak tables removed, if nothing was said before.
    pub(crate) fn remove_entries_by(&self, make: impl Fn() -> Notice + Send + Sync + 'static) {
        self.removal.get_or_init(|| Box::new(make));
    }

    /// Returns whether that was said.
    pub(crate) fn has_removal(&self) -> bool {
        self.removal.get().is_some()
    }

    /// Returns what removes entries when it is dropped, if as many wait as `removals` says and it
    /// is not due already.
    pub(crate) fn make_removal(&self, removals: Removals) -> Option<Notice> {
        let least = if let Removals::Many = removals { MANY } else { 1 };
        // Relaxed: the lock orders what is taken.
        if self.entries.get() < least || self.is_removal_due.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.removal.get().map(|make| make())
    }

    /// Says that entries are being removed: what is handed over from now on may be too late for it.
    pub(crate) fn begin_removal(&self) {
        if !mutant::REMOVAL_BEGINS_LATE.is_planted() {
            let _state = self.state.lock();
            // Relaxed: under the lock ([queues.entries]).
            self.is_removal_due.store(false, Ordering::Relaxed);
        }
    }

    /// Takes a pair whose entry is to be removed. A mutator of the heap runs on this thread, and
    /// has the pair in hand until it says that the entry [is removed](Self::has_removed).
    pub(crate) fn take_entry(&self) -> Option<TakenEntry> {
        let pair = {
            let mut guard = self.state.lock();
            let state = &mut *guard;
            let pair = state.entries.pop().and_then(NonNull::new);
            self.entries.take(usize::from(pair.is_some()));
            pair.map(|pair| TakenEntry { pair, number: state.take() })
        };
        if mutant::REMOVAL_BEGINS_LATE.is_planted() && pair.is_none() {
            self.is_removal_due.store(false, Ordering::Relaxed);
        }
        pair
    }

    /// Says that the entry of a pair that was taken is removed.
    pub(crate) fn has_removed(&self, taken: TakenEntry) {
        self.state.lock().in_hand.retain(|&number| number != taken.number);
    }

    /// Wakes the threads that wait for what was put into queues: once for a whole pause, after it.
    /// If each notice did, the readers would contend for the lock with the pause.
    pub(crate) fn announce(&self) {
        // Relaxed: who has put something in announces it afterwards.
        if !self.has_arrived.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        self.has_arrived.store(false, Ordering::Relaxed);
        if core::mem::take(&mut state.is_awaited) && !mutant::NEWS_WAKE_NOBODY.is_planted() {
            self.arrived.notify_all();
        }
    }

    /// Waits until a queue of news holds some. Returns `false` if `stop` says so, or if nothing
    /// will ever come. Who changes what `stop` says calls [`wake`](Self::wake).
    pub(crate) fn wait_for_news_or(&self, id: QueueId, stop: impl Fn() -> bool) -> bool {
        let look = |state: &mut State| {
            if stop() { Some(false) } else { (!state.news.get(&id)?.is_empty()).then_some(true) }
        };
        self.wait(Duration::MAX, look).unwrap_or(false)
    }

    /// Wakes all that wait, to look again.
    pub(crate) fn wake(&self) {
        let _state = (!mutant::WAKE_BESIDE_THE_LOCK.is_planted()).then(|| self.state.lock());
        self.arrived.notify_all();
    }

    /// Takes news from a queue, and waits for them for `timeout`.
    pub(crate) fn take_news(&self, id: QueueId, timeout: Duration) -> Result<Notice, Nothing> {
        self.wait(timeout, |state| {
            let notice = state.news.get_mut(&id)?.pop_front()?;
            self.news.take(1);
            Some(notice)
        })
    }

    /// Takes an object from a queue. A mutator of the heap runs on this thread, and has the object
    /// in hand then.
    pub(crate) fn take_object(&self, id: QueueId) -> Option<NonNull<u8>> {
        let mut state = self.state.lock();
        let queue = state.objects.get_mut(&id)?;
        let word = queue.pop()?;
        self.objects.take(1);
        NonNull::new(word)
    }

    /// Waits until a queue of objects holds one.
    pub(crate) fn wait_for_object(&self, id: QueueId, timeout: Duration) -> Result<(), Nothing> {
        self.wait(timeout, |state| (!state.objects.get(&id)?.words.is_empty()).then_some(()))
    }

    fn wait<T>(&self, timeout: Duration, mut take: impl FnMut(&mut State) -> Option<T>) -> Result<T, Nothing> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state.lock();
        loop {
            if let Some(taken) = take(&mut state) {
                return Ok(taken);
            }
            if state.has_ended {
                return Err(Nothing::Ended);
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => {
                    state.is_awaited = true;
                    self.arrived.wait(&mut state);
                }
                Some(Duration::ZERO) => return Err(Nothing::TimedOut),
                Some(left) => {
                    state.is_awaited = true;
                    self.arrived.wait_for(&mut state, left);
                }
            }
        }
    }

    /// Calls `visit` with the word of every object in a queue, or of those that may be young. The
    /// world is stopped. `visit` does not keep the word ([queues.words]).
    pub(crate) fn visit(&self, only_young: bool, mut visit: impl FnMut(*mut u8)) {
        if self.objects.get() + self.entries.get() == 0 {
            return;
        }
        let mut state = self.state.lock();
        for queue in state.handed() {
            let first = if only_young { queue.words.len() - queue.young } else { 0 };
            queue.words.range_mut(first..).for_each(|word| visit((&raw mut *word).cast()));
        }
    }

    /// Forgets which words were young and hold old objects now, after a minor collection. The world
    /// is stopped.
    pub(crate) fn forget_old(&self, generations: Generations<'_>) {
        if self.objects.get() + self.entries.get() == 0 {
            return;
        }
        let mut state = self.state.lock();
        for Handed { words, young } in state.handed() {
            let first = words.len() - *young;
            *young -= words.range(first..).take_while(|word| !generations.is_young(word.addr())).count();
        }
    }

    /// Takes what nobody can take from a queue any more, to drop it.
    pub(crate) fn take_orphans(&self) -> Vec<Notice> {
        // Relaxed: a thread that has told something looks afterwards, and finds its own store or a later one, which is made under the
        // lock ([queues.orphans]).
        if !self.has_orphans.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut state = self.state.lock();
        let orphans = core::mem::take(&mut state.orphans);
        if mutant::ORPHANS_ARE_OVERLOOKED.is_planted() {
            drop(state);
        }
        self.has_orphans.store(false, Ordering::Relaxed);
        orphans
    }

    /// Tells that the heap has ended. Objects are gone with it.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.has_ended = true;
        state.objects.clear();
        self.objects.take(self.objects.get());
        self.entries.take(core::mem::take(&mut state.entries).words.len());
        if !mutant::END_LEAVES_THREADS_WAITING.is_planted() {
            self.arrived.notify_all();
        }
    }

    /// Returns how much waits in all queues.
    pub(crate) fn waiting(&self) -> usize {
        self.news.get() + self.objects.get()
    }

    /// Returns how many notices and objects wait, if they are many and were not since the last time
    /// that this returned them.
    pub(crate) fn are_behind(&self) -> Option<(usize, usize)> {
        let waiting = self.waiting();
        // Relaxed, both: for a report.
        if waiting < BEHIND / 2 {
            self.was_behind.store(false, Ordering::Relaxed);
        }
        let is_new = waiting > BEHIND && !self.was_behind.swap(true, Ordering::Relaxed);
        is_new.then(|| (self.news.get(), self.objects.get()))
    }

    /// Returns how much waits in one queue.
    pub(crate) fn len(&self, id: QueueId) -> usize {
        let state = self.state.lock();
        let news = state.news.get(&id).map_or(0, VecDeque::len);
        news + state.objects.get(&id).map_or(0, |queue| queue.words.len())
    }

    /// Returns the bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.state.lock();
        let news: usize = state.news.values().map(|queue| queue.capacity() * size_of::<Notice>()).sum();
        let words = state.objects.values().chain([&state.entries]).map(|queue| queue.words.capacity());
        news + words.sum::<usize>() * size_of::<usize>()
    }
}

impl State {
    /// Returns all that holds objects.
    fn handed(&mut self) -> impl Iterator<Item = &mut Handed> {
        let entries = (!mutant::ENTRIES_ARE_NO_ROOTS.is_planted()).then_some(&mut self.entries);
        self.objects.values_mut().chain(entries)
    }

    /// Notes that a pair is in hand, and returns its number.
    fn take(&mut self) -> u64 {
        let number = self.taken;
        self.taken += 1;
        self.in_hand.push(number);
        number
    }

    fn next_id(&mut self) -> QueueId {
        self.last += 1;
        QueueId(self.last)
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
#[path = "queues/tests.rs"]
mod tests;
