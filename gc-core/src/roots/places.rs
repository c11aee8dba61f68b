//! Where roots were made, while allocation sites are tracked.
//!
//! - **[places.overwritten]** While tracking is on, a table shows no free slots to its fast path, so each root that is filed is noted with its
//!   slot, whatever was noted there before. A slot whose root was made before, or from a free list that a table had then, has no note
//!   of this session: at its beginning and at its end all are forgotten. So a note is that of the root in the slot, if there is one.

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

    /// Begins to note places, `most` at the same time.
    pub(crate) fn start(&self, most: usize) {
        *self.state.lock() = State { is_on: true, most, places: HashMap::new() };
        // Relaxed: what is noted is under the lock.
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Forgets all places, and notes none from now on.
    pub(crate) fn stop(&self) {
        self.is_on.store(false, Ordering::Relaxed);
        let forgotten = core::mem::take(&mut *self.state.lock());
        drop(forgotten);
    }

    pub(super) fn is_on(&self) -> bool {
        // Relaxed: a hint to look under the lock.
        self.is_on.load(Ordering::Relaxed)
    }

    /// Notes where the root was made that is about to be filed in a slot. The caller has the slot.
    pub(super) fn note(&self, slot: usize, place: &'static Location<'static>) {
        let mut state = self.state.lock();
        let State { is_on, most, places } = &mut *state;
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
