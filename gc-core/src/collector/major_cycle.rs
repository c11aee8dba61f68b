//! Full collections: where the current one is, who waits for its end, and its figures.
//!
//! ```text
//!            pause: promote everything,          pause: promote everything,
//!            snapshot of the roots               drain what is left
//!      IDLE ───────────────────────▶ MARKING ───────────────────────▶ SWEEPING ──▶ IDLE
//!                                    beside the program               beside it     every block is swept
//! ```
//!
//! - **[major.phase]** The phase becomes MARKING and SWEEPING in a pause only, IDLE when the last block was swept. So barriers, cursors and cells,
//!   which depend on it, change in pauses only.
//! - **[major.numbered]** Collections are numbered: `ended` is the number of the last whole one. Who wants one waits for the first that
//!   begins after the request.
//! - **[major.marker-runs]** While it marks the marker is RUNNING, a party to every stop; at any other time it is BLOCKED.
//! - **[major.ends-once]** Who ends a collection names it: the marker sweeps BLOCKED, so pauses may end the collection that it is about to end, and begin and
//!   mark another. The model is `models/protocols/major_cycle.rs`.

use core::time::Duration;
use std::time::Instant;

use crate::{
    safepoint::{Member, Poll, Reason, StateWord},
    stats::report::{Cause, CollectReport},
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
        mutant,
    },
};

/// Where a full collection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    Idle,
    Marking,
    Sweeping,
}

/// The full collections of a heap.
pub(crate) struct MajorCycle {
    state: Mutex<State>,
    /// Whoever waits for a phase, or an end.
    changed: Condvar,
    /// A copy of the state's.
    phase: AtomicU8,
    /// A copy of the state's.
    begun: AtomicU64,
    stop: AtomicBool,
    /// Mutators that wait for an end.
    waiting: AtomicUsize,
    /// [major.marker-runs].
    word: StateWord,
    poll: Poll,
}

struct State {
    phase: Phase,
    begun: u64,
    ended: u64,
    last: Option<CollectReport>,
    current: CycleFigures,
    /// See [`ConcurrentTask::Populate`].
    populate: Vec<(usize, usize)>,
}

/// The figures of a collection that is under way.
#[derive(Clone, Copy)]
pub(crate) struct CycleFigures {
    pub(crate) cause: Cause,
    pub(crate) start: Instant,
    /// Bytes of objects before.
    pub(crate) before: usize,
    /// Bytes freed so far, in both generations.
    pub(crate) freed: usize,
    /// Bytes freed in the old generation.
    pub(crate) swept: usize,
    /// Old objects freed so far.
    pub(crate) objects: usize,
    /// Pauses so far, slices of marking in others included.
    pub(crate) pause: Duration,
    /// Bytes of the old generation when marking began, and when it ended.
    pub(crate) old_at_begin: usize,
    pub(crate) old_at_finish: usize,
    /// Entries of snapshot buffers before.
    pub(crate) satb: u64,
    /// Time that pauses spent marking and sweeping in slices.
    pub(crate) assist: Duration,
    /// When marking ended.
    pub(crate) marked: Option<Instant>,
}

impl CycleFigures {
    /// Of a collection that begins at `start`, with nothing counted yet.
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
            satb: 0,
            assist: Duration::ZERO,
            marked: None,
        }
    }
}

/// What the marker has to do.
pub(crate) enum ConcurrentTask {
    Mark,
    /// The collection with this number.
    Sweep(u64),
    /// Put memory behind a range that is about to be promoted into (offset in the reservation, bytes): touching fresh memory is most of what
    /// such a pause would take. The marker does it, as two threads that want the core beside the program would keep each other from it.
    Populate(usize, usize),
    Stop,
}

impl MajorCycle {
    pub(crate) fn new() -> Self {
        let current = CycleFigures::new(Cause::Explicit, Instant::now());
        Self {
            state: Mutex::new(State {
                phase: Phase::Idle,
                begun: 0,
                ended: 0,
                last: None,
                current,
                populate: Vec::new(),
            }),
            changed: Condvar::new(),
            phase: AtomicU8::new(Phase::Idle as u8),
            begun: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            word: StateWord::blocked(MARKER),
            poll: Poll::new(),
        }
    }

    /// The phase. In a pause it is what it is; at any other time it may become another one at once.
    pub(crate) fn phase(&self) -> Phase {
        // Acquire, with the Release in `set`: who sees IDLE sees every block swept.
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Idle,
            1 => Phase::Marking,
            _ => Phase::Sweeping,
        }
    }

    /// The number of the last collection that has begun.
    pub(crate) fn begun(&self) -> u64 {
        // Acquire, with the Release in `begin`.
        self.begun.load(Ordering::Acquire)
    }

    /// The marker, for a stop.
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
        self.changed.notify_all();
    }

    /// Marking begins. The caller leads a pause.
    pub(crate) fn begin(&self, current: CycleFigures) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.phase, Phase::Idle);
        state.begun += 1;
        // Release: see `begun`.
        self.begun.store(state.begun, Ordering::Release);
        state.current = current;
        self.set(&mut state, Phase::Marking);
    }

    /// Marking has ended. The caller leads a pause.
    pub(crate) fn marked(&self, old_at_finish: usize) {
        let mut state = self.state.lock();
        debug_assert_eq!(state.phase, Phase::Marking);
        (state.current.old_at_finish, state.current.marked) = (old_at_finish, Some(Instant::now()));
        self.set(&mut state, Phase::Sweeping);
    }

    /// Every block of collection `number` is swept. Returns the figures, or `None` if somebody else has ended it: by now the next one may be
    /// at the same point, with nothing swept.
    pub(crate) fn end(&self, number: u64, report: impl FnOnce(&CycleFigures) -> CollectReport) -> Option<CycleFigures> {
        let mut state = self.state.lock();
        if state.phase != Phase::Sweeping || (state.begun != number && !mutant::END_ANY.is_planted()) {
            return None;
        }
        state.last = Some(report(&state.current));
        state.ended = state.begun;
        self.set(&mut state, Phase::Idle);
        Some(state.current)
    }

    /// Why the collection that is under way, or the last one, has begun.
    pub(crate) fn cause(&self) -> Cause {
        self.state.lock().current.cause
    }

    /// Adds to the figures of the collection that is under way.
    pub(crate) fn count(&self, count: impl FnOnce(&mut CycleFigures)) {
        count(&mut self.state.lock().current);
    }

    /// Waits for the end of a collection that begins after number `seen`; `begin` is called while none is under way. The caller's mutator is
    /// BLOCKED.
    pub(crate) fn wait_for_one_after(&self, seen: u64, mut begin: impl FnMut()) -> CollectReport {
        let mut state = self.state.lock();
        loop {
            if state.ended > seen
                && let Some(report) = state.last
            {
                return report;
            }
            if state.phase == Phase::Idle {
                MutexGuard::unlocked(&mut state, &mut begin);
            } else {
                // Relaxed, both: a figure.
                self.waiting.fetch_add(1, Ordering::Relaxed);
                self.changed.wait(&mut state);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// How many mutators wait for an end.
    pub(crate) fn waiting(&self) -> usize {
        // Relaxed: a figure.
        self.waiting.load(Ordering::Relaxed)
    }

    /// The marker's next work; waits for some.
    pub(crate) fn next(&self) -> ConcurrentTask {
        let mut state = self.state.lock();
        loop {
            if self.is_stopping() {
                return ConcurrentTask::Stop;
            }
            if let Some((offset, bytes)) = state.populate.pop() {
                return ConcurrentTask::Populate(offset, bytes);
            }
            match state.phase {
                Phase::Marking => return ConcurrentTask::Mark,
                Phase::Sweeping => return ConcurrentTask::Sweep(state.begun),
                Phase::Idle => self.changed.wait(&mut state),
            }
        }
    }

    /// Asks the marker for [`ConcurrentTask::Populate`].
    pub(crate) fn ask_to_populate(&self, offset: usize, bytes: usize) {
        self.state.lock().populate.push((offset, bytes));
        self.changed.notify_all();
        // While it marks, it looks when its poll is raised.
        self.poll.raise(Reason::YOUNG);
    }

    /// What the marker was asked to populate while it marks.
    pub(crate) fn to_populate(&self) -> Vec<(usize, usize)> {
        core::mem::take(&mut self.state.lock().populate)
    }

    /// The heap ends: the marker gives up what it does.
    pub(crate) fn stop(&self) {
        let state = self.state.lock();
        // Relaxed: the lock orders it for who waits; who marks sees it soon.
        self.stop.store(true, Ordering::Relaxed);
        self.changed.notify_all();
        drop(state);
        self.poll.raise(Reason::YOUNG);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        // Relaxed: as in `stop`.
        self.stop.load(Ordering::Relaxed)
    }
}

/// The marker's number among the mutators.
pub(crate) const MARKER: u32 = 0;
