//! What the thread that releases a heap as the last waits for: that everything is dropped, or that
//! code of the program takes long: a destructor, or the event hook.
//!
//! The background thread tells of destructors. It cannot tell that it runs such code itself, so the
//! thread that waits looks. The lock is a leaf.

use core::time::Duration;

use crate::sync::{
    Condvar, Mutex, RawLock,
    atomic::{AtomicU64, Ordering},
    raw,
};

/// How far the end of a heap is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Nobody has a reason to go on yet.
    Wait,
    /// A destructor has been running for long: the heap's threads go on alone.
    Alone,
    /// Every object is dropped, and the heap's threads have released it.
    Dropped,
}

/// Tells the thread that waits for the end of a heap.
pub(crate) struct EndSignal {
    state: Mutex<Ending>,
    changed: Condvar,
    /// How often the background thread has begun and ended to run code of the program: odd while it
    /// does.
    turns: AtomicU64,
}

impl EndSignal {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(Ending::Wait), changed: Condvar::new(), turns: AtomicU64::new(0) }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the background thread, which is gone: this is the child of a fork.
    pub(crate) fn forget_threads(&self) {
        *self.state.lock() = Ending::Wait;
        self.turns.store(0, Ordering::Relaxed);
    }

    /// Tells how far the end is. Returns whether that is new.
    pub(crate) fn tell(&self, ending: Ending) -> bool {
        let before = core::mem::replace(&mut *self.state.lock(), ending);
        self.changed.notify_all();
        before != ending
    }

    /// Runs code of the program on the background thread.
    pub(crate) fn in_program(&self, code: impl FnOnce()) {
        // Relaxed, here and in `wait`: the number is all that another thread learns.
        self.turns.fetch_add(1, Ordering::Relaxed);
        code();
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until there is nothing to wait for. `long` is how long code of the program may take.
    pub(crate) fn wait(&self, long: Duration) {
        let mut seen = 0;
        let mut state = self.state.lock();
        while *state == Ending::Wait {
            let is_late = self.changed.wait_for(&mut state, long);
            let turns = self.turns.load(Ordering::Relaxed);
            if is_late && turns % 2 == 1 && turns == seen {
                return;
            }
            seen = turns;
        }
    }
}
