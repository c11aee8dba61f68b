//! The clock: the one thread of the process that looks at busy heaps from time to time, whether
//! they are idle by now. It does nothing for a heap itself, but calls for the heap's concurrent
//! thread. So a thousand heaps need one thread while nothing happens in them.
//!
//! - **[clock.listed]** A heap is put on the list when it becomes BUSY, and taken off it when a
//!   look finds that it is not BUSY, or not to be looked at. Both happen under the lock of the
//!   list, and the look, too. The model is `models/protocols/clock.rs`.
//! - **[clock.releases]** The clock has a reference to a heap only under the lock. A heap that ends
//!   takes itself off the list, so its thread is the last to release it.
//!
//! The lock comes after those of `request` and the generations, and before that of the state of
//! `major`.

use core::time::Duration;
use std::time::Instant;

use crate::{
    sync::{Condvar, Mutex, MutexGuard, RawLock, mutant, raw},
    workers::on_demand::OnDemand,
};

#[cfg(any(gc_loom, gc_shuttle))]
use crate::workers::on_demand::Start;

/// What the clock looks at.
pub(crate) trait Watched: PartialEq + Clone {
    /// Looks at it. Returns the time until the next look, or `None` if there is to be none.
    fn look(&self) -> Option<Duration>;
}

/// What is looked at from time to time.
pub(crate) struct Clock<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    watched: Vec<(Instant, W)>,
    thread: OnDemand,
}

impl<W: Watched> Clock<W> {
    /// `start` starts the thread that calls [`run`](Self::run).
    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) fn new(start: Start) -> Self {
        Self { state: Mutex::new(State { watched: Vec::new(), thread: OnDemand::new(start) }), changed: Condvar::new() }
    }

    /// Returns the clock of the process. It is there from the beginning: a child that is forked
    /// finds it whole.
    #[cfg(not(any(gc_loom, gc_shuttle)))]
    pub(crate) const fn of_process(start: fn() -> bool) -> Self {
        let thread = OnDemand::of_process(start);
        Self { state: Mutex::new(State { watched: Vec::new(), thread }), changed: Condvar::new() }
    }

    /// Has something looked at after a time, unless it is on the list. If the system refuses the
    /// thread, looks are late: until the next call.
    pub(crate) fn watch(&self, watched: W, after: Duration) {
        let Some(at) = Instant::now().checked_add(after) else { return };
        let mut state = self.state.lock();
        if state.watched.iter().any(|(_, other)| *other == watched) {
            state.thread.call();
            return;
        }
        let is_first = state.watched.iter().all(|&(other, _)| at < other);
        state.watched.push((at, watched));
        state.thread.call();
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the thread, which is gone: this is the child of a fork. The next call starts it
    /// again.
    pub(crate) fn forget_threads(&self) {
        self.state.lock().thread.forget();
    }

    /// Calls for the thread again, if it is not there: the system has refused it, or this is the
    /// child of a fork.
    pub(crate) fn call(&self) {
        let mut state = self.state.lock();
        if !state.watched.is_empty() {
            state.thread.call();
        }
    }

    /// Takes something off the list.
    pub(crate) fn forget(&self, watched: &W) {
        self.state.lock().watched.retain(|(_, other)| other != watched);
    }

    /// The life of the clock's thread: looks at what is on the list when it is time, and leaves
    /// when the list is empty.
    pub(crate) fn run(&self) {
        let mut state = self.state.lock();
        loop {
            self.look(&mut state);
            let Some(next) = state.watched.iter().map(|&(at, _)| at).min() else {
                state.thread.leave();
                return;
            };
            self.changed.wait_for(&mut state, next.saturating_duration_since(Instant::now()));
        }
    }

    fn look(&self, state: &mut MutexGuard<'_, State<W>>) {
        let now = Instant::now();
        if mutant::LOOK_WITHOUT_THE_LOCK.is_planted() {
            for watched in state.watched.clone() {
                let mut is_done = false;
                MutexGuard::unlocked(state, || is_done = watched.1.look().is_none());
                state.watched.retain(|(_, other)| !is_done || *other != watched.1);
            }
            return;
        }
        state.watched.retain_mut(|(at, watched)| {
            let again = if *at > now { Some(*at) } else { watched.look().and_then(|after| now.checked_add(after)) };
            again.is_some_and(|again| {
                *at = again;
                true
            })
        });
    }
}
