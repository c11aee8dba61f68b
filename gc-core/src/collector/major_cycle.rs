//! The major (full) cycles: the phase of the current one, the threads that wait for its end, and
//! its figures.
//!
//! ```text
//!            pause: promote everything,          pause: promote everything,
//!            snapshot of the roots               drain what is left
//!      IDLE ───────────────────────▶ MARKING ───────────────────────▶ SWEEPING ──▶ IDLE
//!                                    concurrent                       concurrent     every block is swept
//! ```
//!
//! - **[major.phase]** The phase becomes MARKING and SWEEPING only in a pause. It becomes IDLE when
//!   the last block is swept. Barriers, cursors and cells depend on whether it is MARKING, so they
//!   change in pauses only.
//! - **[major.numbered]** Cycles are numbered: `ended` is the number of the last complete one. A
//!   thread that requests a cycle waits for the end of the first one that begins after its request.
//! - **[major.marker-runs]** While the concurrent thread marks, it is RUNNING, and every rendezvous
//!   waits for it. At any other time it is BLOCKED.
//! - **[major.on-demand]** The concurrent thread is started when there is a task for it, and leaves
//!   when there is none and the heap is idle, both under the lock of the state
//!   ([on-demand.under-the-lock]). If the system refuses it, a thread that waits for the end of a
//!   cycle does its tasks meanwhile, in its place; pauses do some of the work in any case.
//! - **[major.promise]** A refused allocation is promised a cycle. If no cycle is under way, the
//!   mutator that was refused begins it before it blocks or detaches. Otherwise the end of the
//!   current cycle requests it from the concurrent thread.
//! - **[major.ends-once]** A thread that ends a cycle names the number of the cycle. The first one
//!   ends it, and later ones find that it has ended. The number is needed because the concurrent
//!   thread is BLOCKED while it sweeps. So before it ends its cycle, one pause may have ended that
//!   cycle, another one may have begun the next cycle, and a third one may have ended the marking
//!   of that. The model is `models/protocols/major_cycle.rs`.
//! - **[major.handed-over]** The pause that ends marking is due for the heap ([request.of-heap]):
//!   the concurrent thread hands it over to the mutators that run, and leads it only if none does,
//!   or if none has for long. So a mutator that runs need not wait until the system runs the
//!   concurrent thread.

use core::time::Duration;
use std::time::Instant;

use crate::{
    safepoint::{Member, Poll, Reason, StateWord},
    stats::report::{Cause, CollectReport},
    sync::{
        Condvar, Mutex, MutexGuard, RawLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
        mutant, raw,
    },
    workers::on_demand::{OnDemand, Start},
};

/// The phase of the current major cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    Idle,
    Marking,
    Sweeping,
}

/// The major cycles of a heap.
pub(crate) struct MajorCycle {
    state: Mutex<State>,
    /// Threads that wait here for a change of phase, for the end of a cycle, or for a task.
    changed: Condvar,
    /// [major.on-demand].
    work_in_its_place: Box<dyn Fn() + Send + Sync>,
    /// A copy of `State::phase`.
    phase: AtomicU8,
    /// A copy of `State::begun`.
    begun: AtomicU64,
    /// The number of the last cycle that a refused allocation was promised: a cycle is due until
    /// the cycle with this number begins.
    promised: AtomicU64,
    /// If the pause that ends marking is due: the most objects that it may mark, or 0 if it is not
    /// due ([major.handed-over]).
    finish: AtomicU64,
    /// Whether the concurrent thread ends, because the heap does.
    thread_ends: AtomicBool,
    /// Mutators that wait for the end of a cycle.
    waiting: AtomicUsize,
    /// The concurrent thread's state ([major.marker-runs]).
    word: StateWord,
    poll: Poll,
}

struct State {
    phase: Phase,
    begun: u64,
    ended: u64,
    last: Option<CollectReport>,
    current: CycleFigures,
    /// Where the concurrent thread is.
    thread: OnDemand,
    /// See [`ConcurrentTask::Collect`].
    collect: bool,
    /// See [`ConcurrentTask::Populate`].
    populate: Vec<(usize, usize)>,
}

/// The figures of the current cycle.
#[derive(Clone, Copy)]
pub(crate) struct CycleFigures {
    pub(crate) cause: Cause,
    pub(crate) start: Instant,
    /// Bytes of objects before the cycle.
    pub(crate) before: usize,
    /// Bytes freed so far, in both generations.
    pub(crate) freed: usize,
    /// Bytes freed in the old generation.
    pub(crate) swept: usize,
    /// Old objects freed so far.
    pub(crate) objects: usize,
    /// The pauses that begin and end marking. Other pauses count only in `assist`.
    pub(crate) pause: Duration,
    /// Bytes of the old generation when marking began, and when it ended.
    pub(crate) old_at_begin: usize,
    pub(crate) old_at_finish: usize,
    /// Objects of the old generation when marking began.
    pub(crate) objects_at_begin: u64,
    /// The most objects that a pause has marked, other than the one that begins marking.
    pub(crate) most_marked: u64,
    /// Entries of SATB buffers before the cycle.
    pub(crate) satb: u64,
    /// Time that other pauses spent on increments of marking and sweeping.
    pub(crate) assist: Duration,
    /// When marking ended.
    pub(crate) marked: Option<Instant>,
}

impl CycleFigures {
    /// Creates the figures of a cycle that begins at `start`, with nothing counted yet.
    pub(crate) fn new(cause: Cause, start: Instant) -> Self {
        Self {
            cause,
            start,
            before: 0,
            freed: 0,
            swept: 0,
            objects: 0,
            pause: Duration::ZERO,
            old_at_begin: 0,
            old_at_finish: 0,
            objects_at_begin: 0,
            most_marked: 0,
            satb: 0,
            assist: Duration::ZERO,
            marked: None,
        }
    }
}

/// The next task of the concurrent thread.
pub(crate) enum ConcurrentTask {
    Mark,
    /// Sweep for the cycle with this number.
    Sweep(u64),
    /// Populate a range that is about to be promoted into (offset in the reservation, bytes):
    /// touching fresh memory takes most of the time of such a pause. The concurrent thread does it,
    /// because a second concurrent thread would compete with it for a core.
    Populate(usize, usize),
    /// Collect what is due if no mutator runs: no mutator may come to a safepoint for long.
    Collect,
    /// Leave: nothing is to be done.
    Leave,
    /// End: the heap ends.
    End,
}

impl MajorCycle {
    /// `start` starts the concurrent thread, and `work_in_its_place` does what is due of the
    /// current cycle.
    pub(crate) fn new(start: Start, work_in_its_place: Box<dyn Fn() + Send + Sync>) -> Self {
        let current = CycleFigures::new(Cause::Explicit, Instant::now());
        Self {
            state: Mutex::new(State {
                phase: Phase::Idle,
                begun: 0,
                ended: 0,
                last: None,
                current,
                thread: OnDemand::new(start),
                collect: false,
                populate: Vec::new(),
            }),
            changed: Condvar::new(),
            work_in_its_place,
            phase: AtomicU8::new(Phase::Idle as u8),
            begun: AtomicU64::new(0),
            promised: AtomicU64::new(0),
            finish: AtomicU64::new(0),
            thread_ends: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            word: StateWord::blocked(MARKER),
            poll: Poll::new(),
        }
    }

    /// Returns the phase. While the leader of a pause holds the lock of the old generation, only
    /// the leader changes it. At any other time another thread may change it at once.
    pub(crate) fn phase(&self) -> Phase {
        // Acquire, with the Release in `set`: a thread that sees IDLE sees every block swept.
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Idle,
            1 => Phase::Marking,
            _ => Phase::Sweeping,
        }
    }

    /// Returns the number of the last cycle that has begun.
    pub(crate) fn begun(&self) -> u64 {
        // Acquire, with the Release in `begin`.
        self.begun.load(Ordering::Acquire)
    }

    /// Promises a cycle that begins after this call. Returns the number of the last one that has
    /// begun.
    pub(crate) fn promise(&self) -> u64 {
        let state = self.state.lock();
        // Relaxed: under the lock, which orders it with the end of a cycle. The thread that was refused sees its own store.
        self.promised.store(state.begun + 1, Ordering::Relaxed);
        state.begun
    }

    /// Returns whether a cycle was promised that has not begun.
    pub(crate) fn is_promised(&self) -> bool {
        // Relaxed: as for `promise`.
        self.promised.load(Ordering::Relaxed) > self.begun()
    }

    /// Returns the concurrent thread as a member of the rendezvous.
    pub(crate) fn member(&self) -> Member<'_> {
        Member { word: &self.word, poll: &self.poll }
    }

    pub(crate) fn word(&self) -> &StateWord {
        &self.word
    }

    pub(crate) fn poll(&self) -> &Poll {
        &self.poll
    }

    fn set(&self, state: &mut MutexGuard<'_, State>, phase: Phase) {
        state.phase = phase;
        // Release: see `phase`.
        self.phase.store(phase as u8, Ordering::Release);
        if phase == Phase::Idle {
            self.changed.notify_all();
        } else {
            self.call(state);
        }
    }

    /// Calls for the concurrent thread again, if a cycle is under way and the system has refused
    /// the thread before.
    pub(crate) fn call_again(&self) {
        if self.phase() != Phase::Idle && !self.thread_ends() {
            let mut state = self.state.lock();
            let _ = state.phase != Phase::Idle && state.thread.call();
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the concurrent thread, and those that wait, which are gone: this is the child of a
    /// fork. The next call starts it again, and it goes on with the cycle.
    pub(crate) fn forget_threads(&self) {
        self.state.lock().thread.forget();
        // Relaxed: there is no other thread.
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Wakes all threads, with the concurrent one, which is started if it is not there. Returns
    /// whether it is.
    fn call(&self, state: &mut MutexGuard<'_, State>) -> bool {
        self.changed.notify_all();
        self.thread_ends() || state.thread.call()
    }

    /// Begins marking. The caller leads a pause.
    pub(crate) fn begin(&self, current: CycleFigures) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.phase, Phase::Idle);
        state.begun += 1;
        // Release: see `begun`.
        self.begun.store(state.begun, Ordering::Release);
        state.current = current;
        self.set(&mut state, Phase::Marking);
    }

    /// Ends marking. The caller leads a pause.
    pub(crate) fn marked(&self, old_at_finish: usize) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.phase, Phase::Marking);
        (state.current.old_at_finish, state.current.marked) = (old_at_finish, Some(Instant::now()));
        self.set(&mut state, Phase::Sweeping);
    }

    /// Ends cycle `number`, whose blocks are all swept. Returns its figures, or `None` if another
    /// thread has ended it: by now the next cycle may be at the same point, with nothing swept.
    pub(crate) fn end(&self, number: u64, report: impl FnOnce(&CycleFigures) -> CollectReport) -> Option<CycleFigures> {
        let mut state = self.state.lock();
        if state.phase != Phase::Sweeping || (state.begun != number && !mutant::END_ANY.is_planted()) {
            return None;
        }
        state.last = Some(report(&state.current));
        state.ended = state.begun;
        // The mutator that was refused during this cycle may be blocked, or have gone.
        state.collect |= self.is_promised() && !mutant::END_FORGETS_THE_PROMISE.is_planted();
        self.set(&mut state, Phase::Idle);
        Some(state.current)
    }

    /// Returns the cause of the current cycle, or of the last one.
    pub(crate) fn cause(&self) -> Cause {
        self.state.lock().current.cause
    }

    /// Returns the figures of the current cycle, or of the last one.
    pub(crate) fn figures(&self) -> CycleFigures {
        self.state.lock().current
    }

    /// Adds to the figures of the current cycle.
    pub(crate) fn count(&self, count: impl FnOnce(&mut CycleFigures)) {
        count(&mut self.state.lock().current);
    }

    /// Waits for the end of a cycle with a number after `observed`, and returns its report. Calls
    /// `begin` while no cycle is under way. Does the tasks of the concurrent thread where the
    /// system refuses that. The caller's mutator is BLOCKED.
    pub(crate) fn wait_for_one_after(&self, observed: u64, mut begin: impl FnMut()) -> CollectReport {
        let mut state = self.state.lock();
        loop {
            if state.ended > observed
                && let Some(report) = state.last
            {
                return report;
            }
            if state.phase == Phase::Idle {
                MutexGuard::unlocked(&mut state, &mut begin);
            } else {
                // Relaxed, both: a figure.
                self.waiting.fetch_add(1, Ordering::Relaxed);
                // The concurrent thread may be resting.
                if self.call(&mut state) {
                    self.changed.wait(&mut state);
                } else {
                    state.thread.take();
                    MutexGuard::unlocked(&mut state, &self.work_in_its_place);
                    state.thread.leave();
                }
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns how many mutators wait for the end of a cycle.
    pub(crate) fn waiting(&self) -> usize {
        // Relaxed: a figure.
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns the next task of the concurrent thread, and waits until there is one, or the thread
    /// `may_leave`.
    pub(crate) fn next(&self, may_leave: impl Fn() -> bool) -> ConcurrentTask {
        let mut state = self.state.lock();
        loop {
            if self.thread_ends() {
                return ConcurrentTask::End;
            }
            if core::mem::take(&mut state.collect) {
                return ConcurrentTask::Collect;
            }
            if let Some((offset, bytes)) = state.populate.pop() {
                return ConcurrentTask::Populate(offset, bytes);
            }
            match state.phase {
                Phase::Marking => return ConcurrentTask::Mark,
                Phase::Sweeping => return ConcurrentTask::Sweep(state.begun),
                Phase::Idle => {}
            }
            if may_leave() {
                if mutant::LEAVE_WITHOUT_LOOKING.is_planted() {
                    MutexGuard::unlocked(&mut state, || ());
                }
                state.thread.leave();
                return ConcurrentTask::Leave;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Makes the pause due that ends marking. It marks no more than about `budget` objects.
    pub(crate) fn hand_over(&self, budget: u64) {
        // Relaxed, here and below: who is asked is asked by the poll; a leader looks under the registry lock.
        self.finish.store(budget.max(1), Ordering::Relaxed);
    }

    /// Returns the most objects that the pause may mark that ends marking, if one is due.
    pub(crate) fn handed_over(&self) -> Option<u64> {
        Some(self.finish.load(Ordering::Relaxed)).filter(|&budget| budget != 0)
    }

    /// Records that there was such a pause, which may have left something to be marked. The caller
    /// led it.
    pub(crate) fn end_hand_over(&self) {
        // The concurrent thread holds the lock from its look at the state to its sleep.
        let _state = (!mutant::END_HAND_OVER_WITHOUT_THE_LOCK.is_planted()).then(|| self.state.lock());
        self.finish.store(0, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits until a mutator has led the pause that ends marking, for `time` at most, and not while
    /// mutators wait for the end of the cycle: one of them may be the one that ran. Returns whether
    /// one has led it.
    pub(crate) fn await_hand_over(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while self.handed_over().is_some() && self.waiting() == 0 && !self.thread_ends() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.changed.wait_for(&mut state, left) {
                break;
            }
        }
        self.handed_over().is_none()
    }

    /// Lets the concurrent thread rest while the marking of an idle heap waits for its end: for
    /// `time` at most, and no longer than the heap is idle, no thread waits for the cycle, and
    /// nothing else is to be done.
    pub(crate) fn rest(&self, time: Duration, is_idle: impl Fn() -> bool) {
        let mut state = self.state.lock();
        let asked = state.collect || !state.populate.is_empty() || self.waiting() > 0 || self.thread_ends();
        if state.phase == Phase::Marking && !asked && is_idle() {
            self.changed.wait_for(&mut state, time);
        }
    }

    /// Wakes the concurrent thread, if it is there: the heap is busy again.
    pub(crate) fn wake(&self) {
        // The thread holds the lock from its look at the state to its sleep.
        let _state = (!mutant::WAKE_WITHOUT_THE_LOCK.is_planted()).then(|| self.state.lock());
        self.changed.notify_all();
    }

    /// Requests [`ConcurrentTask::Populate`] from the concurrent thread.
    pub(crate) fn ask_to_populate(&self, offset: usize, bytes: usize) {
        let mut state = self.state.lock();
        state.populate.push((offset, bytes));
        self.call(&mut state);
        drop(state);
        // While it marks, it looks for requests only when its poll is raised.
        self.poll.raise(Reason::MINOR);
    }

    /// Requests [`ConcurrentTask::Collect`] from the concurrent thread.
    pub(crate) fn ask_to_collect(&self) {
        let mut state = self.state.lock();
        state.collect = true;
        self.call(&mut state);
        drop(state);
        self.poll.raise(Reason::MINOR);
    }

    /// Takes a request to collect what is due, which was made while the concurrent thread marks.
    pub(crate) fn takes_collect(&self) -> bool {
        core::mem::take(&mut self.state.lock().collect)
    }

    /// Takes the ranges that the concurrent thread was requested to populate while it marks.
    pub(crate) fn to_populate(&self) -> Vec<(usize, usize)> {
        core::mem::take(&mut self.state.lock().populate)
    }

    /// Ends the concurrent thread, because the heap ends. The thread abandons its current task.
    pub(crate) fn end_thread(&self) {
        let state = self.state.lock();
        // Relaxed: the lock orders the store for a thread that waits. A thread that marks sees it soon.
        self.thread_ends.store(true, Ordering::Relaxed);
        self.changed.notify_all();
        drop(state);
        self.poll.raise(Reason::MINOR);
    }

    /// Returns whether the concurrent thread ends.
    pub(crate) fn thread_ends(&self) -> bool {
        // Relaxed: as in `end_thread`.
        self.thread_ends.load(Ordering::Relaxed)
    }
}

/// The concurrent thread's number among the mutators.
pub(crate) const MARKER: u32 = 0;
