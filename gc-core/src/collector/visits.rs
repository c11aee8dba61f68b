//! Visits: a thread of the heap attaches for a while, to change objects, without being a user of
//! the heap (`users`).
//!
//! ```text
//!   thread of the heap:   begin ─▶ attach ─▶ change some objects, and again unless the visits are over ─▶ detach ─▶ the visit is dropped
//!                           │
//!                           └──▶ None: the last user has gone
//!   last user:            end: says that they are over ─▶ waits until none is left ─▶ detaches the mutators that threads keep
//! ```
//!
//! - **[visits.over]** A visit is counted, and the end is said, under one lock. So a visit begins
//!   before the end, and the last user waits for it, or it does not begin. While it lasts, the last
//!   user has not released the heap.
//! - **[visits.wait]** The last user waits for as long as a piece of work takes, and a pause that
//!   is under way. A visit runs no code of the program, so the last user does not go on a thread
//!   that visits. It holds no lock, and no other mutator of the heap runs any more for which a
//!   visit could wait ([users.only-they-run]).
//!
//! The model is `models/protocols/visits.rs`.

use core::time::Duration;

use crate::sync::{Condvar, Mutex, MutexGuard, RawLock, mutant, raw};

/// The visits to a heap.
pub(crate) struct Visits {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    are_over: bool,
}

/// A visit. The mutator by which it is made has detached when this is dropped.
#[must_use]
pub(crate) struct Visit<'a>(&'a Visits);

impl Visits {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), left: Condvar::new() }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the threads that visit, which are gone: this is the child of a fork.
    pub(crate) fn forget_threads(&self) {
        self.state.lock().inside = 0;
    }

    /// Begins a visit, unless they are over.
    pub(crate) fn begin(&self) -> Option<Visit<'_>> {
        let mut state = self.state.lock();
        if state.are_over {
            return None;
        }
        if mutant::VISIT_IS_COUNTED_LATE.is_planted() {
            MutexGuard::unlocked(&mut state, || ());
        }
        state.inside += 1;
        Some(Visit(self))
    }

    /// Ends the visits, and waits until none is left. Calls `rest` again and again, each time after
    /// `nap`.
    pub(crate) fn end(&self, nap: Duration, rest: impl Fn()) {
        let mut state = self.state.lock();
        state.are_over = true;
        while state.inside > 0 {
            if self.left.wait_for(&mut state, nap) {
                MutexGuard::unlocked(&mut state, &rest);
            }
        }
    }
}

impl Visit<'_> {
    /// Returns whether the visits are over: the last user waits for the end of this one.
    pub(crate) fn is_over(&self) -> bool {
        self.0.state.lock().are_over
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.inside -= 1;
        if state.inside == 0 && !mutant::VISIT_ENDS_UNSEEN.is_planted() {
            self.0.left.notify_all();
        }
    }
}
