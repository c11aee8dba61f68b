//! Where roots were made, while allocation sites are tracked.
//!
//! - **[places.overwritten]** While tracking is on, a table shows no free slots to its fast path,
//!   so each root that is filed is noted with its slot, whatever was noted there before. A slot
//!   whose root was made before, or from a free list that a table had then, has no note of this
//!   session: at its beginning and at its end all are forgotten. So a note is that of the root in
//!   the slot, if there is one.
//! - **[places.latest]** Threads that begin and end sessions may come here in another order than
//!   the sessions have. The number of the session tells: what an older one says is too late, and a
//!   session that has ended does not begin any more.

use core::panic::Location;
use std::collections::HashMap;

use crate::sync::{
    Mutex, RawLock,
    atomic::{AtomicBool, Ordering},
    raw,
};

/// The places where the roots of a heap were made.
pub(crate) struct Places {
    is_on: AtomicBool,
    /// A leaf.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_on: bool,
    /// The session that was the last to begin or to end here ([places.latest]).
    session: u64,
    most: usize,
    /// By the address of a slot.
    places: HashMap<usize, &'static Location<'static>>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { is_on: AtomicBool::new(false), state: Mutex::default() }
    }

    pub(super) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Begins to note places for a session, `most` at the same time.
    pub(crate) fn start(&self, session: u64, most: usize) {
        self.replace(|last| session > last, State { is_on: true, session, most, places: HashMap::new() });
    }

    /// Forgets all places of a session, and notes none from now on.
    pub(crate) fn stop(&self, session: u64) {
        self.replace(|last| session >= last, State { session, ..State::default() });
    }

    /// Forgets all places and goes on with `next`, if that is right after the last session
    /// ([places.latest]).
    fn replace(&self, is_latest: impl FnOnce(u64) -> bool, next: State) {
        let mut state = self.state.lock();
        if !is_latest(state.session) {
            return;
        }
        // Relaxed: what is noted is under the lock.
        self.is_on.store(next.is_on, Ordering::Relaxed);
        let forgotten = core::mem::replace(&mut *state, next);
        drop(state);
        // Without the lock.
        drop(forgotten);
    }

    pub(super) fn is_on(&self) -> bool {
        // Relaxed: a hint to look under the lock.
        self.is_on.load(Ordering::Relaxed)
    }

    /// Notes where the root was made that is about to be filed in a slot. The caller has the slot.
    pub(super) fn note(&self, slot: usize, place: &'static Location<'static>) {
        let mut state = self.state.lock();
        let State { is_on, most, places, .. } = &mut *state;
        if !*is_on {
            return;
        }
        if places.len() < *most {
            places.insert(slot, place);
        } else if let Some(noted) = places.get_mut(&slot) {
            *noted = place;
        }
    }

    /// Returns where the root was made that is in a slot, if that is known.
    pub(super) fn of(&self, slot: usize) -> Option<&'static Location<'static>> {
        if self.is_on() { self.state.lock().places.get(&slot).copied() } else { None }
    }

    /// Returns the bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        // A byte of the table's own for each place of it.
        let place = size_of::<(usize, &Location<'_>)>() + 1;
        if self.is_on() { self.state.lock().places.capacity() * place * 8 / 7 } else { 0 }
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    /// [places.latest]
    #[test]
    fn what_an_older_session_says_is_too_late() {
        let places = Places::new();
        let is_noted = || {
            places.note(8, Location::caller());
            places.of(8).is_some()
        };
        // The first one ends before it begins here.
        places.stop(1);
        places.start(1, 10);
        assert!(!places.is_on() && !is_noted());
        // The third one begins before the second one ends here.
        places.start(2, 10);
        assert!(is_noted());
        places.start(3, 10);
        assert!(places.of(8).is_none() && is_noted());
        places.stop(2);
        assert!(places.of(8).is_some());
        places.stop(3);
        assert!(!places.is_on() && !is_noted());
        assert_eq!(places.bytes(), 0);
    }
}
