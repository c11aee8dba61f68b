//! The signal to the program's observer of memory pressure. The observer's own thread waits for it;
//! no thread of the collector waits for the observer.
//!
//! A signal that is raised while the observer runs is seen when the observer returns: several are
//! one. The lock is a leaf.

use crate::sync::{Condvar, Mutex, RawLock, raw};

/// Raised when little room is left.
pub(crate) struct PressureSignal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The room that the last major cycle has left, if the observer does not know it yet.
    raised: Option<usize>,
    ended: bool,
}

impl PressureSignal {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    pub(crate) fn raise(&self, room: usize) {
        self.state.lock().raised = Some(room);
        self.changed.notify_one();
    }

    /// Ends the observer's thread, which may be running the observer. Nothing waits for it.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_one();
    }

    /// Waits until the signal is raised. Returns the room, or `None` when the heap has ended.
    pub(crate) fn wait(&self) -> Option<usize> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(room) = state.raised.take() {
                return Some(room);
            }
            self.changed.wait(&mut state);
        }
    }
}
