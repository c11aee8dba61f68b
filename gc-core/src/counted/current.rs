//! The mutator that this thread counts for, and the table of all mutators.
//!
//! - **[token.current]** `CURRENT` is the token of the mutator that this thread runs. It is 0 on a thread without a mutator, in
//!   `blocked`, at a safepoint while the thread is parked or collects, and from the beginning of a detach on. So one compare with an object's
//!   owner decides whether plain counting is right.
//! - **[token.no-destructor]** `CURRENT` needs no destructor, so the destructors of other thread-locals can use it. There it is 0
//!   unless the mutator still exists.

use core::{cell::Cell, ptr::NonNull};
use std::collections::BTreeMap;

use crossbeam_utils::CachePadded;

use super::{
    count::{Count, FIRST_TOKEN},
    owners::{Object, OwnerHandle, Owners},
};
use crate::{
    safepoint::{Poll, Rendezvous, StateWord},
    sync::{
        Mutex, RawLock,
        atomic::{AtomicU64, Ordering},
    },
};

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Returns the token of the mutator that this thread counts for, or 0 ([token.current]).
#[inline(always)]
pub(super) fn current() -> u64 {
    CURRENT.get()
}

/// The mutators of the process, by token.
static OWNERS: [CachePadded<Owners>; SHARDS] =
    [const { CachePadded::new(Owners { entries: Mutex::new(BTreeMap::new()) }) }; SHARDS];

/// The number of locks. Mutators that live at the same time have consecutive tokens, and so a lock each.
const SHARDS: usize = 64;

/// Returns the locks of the table.
pub(crate) fn lock_words() -> impl Iterator<Item = &'static RawLock> {
    OWNERS.iter().map(|owners| owners.lock_word())
}

static NEXT: AtomicU64 = AtomicU64::new(FIRST_TOKEN);

fn owners(token: u64) -> &'static Owners {
    &OWNERS[token as usize % SHARDS]
}

/// Identifies a mutator as the owner of objects. A token is never used twice.
#[derive(Clone, Copy)]
pub(crate) struct Token(u64);

impl Token {
    pub(crate) fn new() -> Self {
        // Relaxed: the number only has to be unique. It takes centuries to use the numbers up.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Enters the mutator into the table, where other threads find it from here on ([owners.entry]).
    ///
    /// # Safety
    ///
    /// The arguments live until [`leave`](Self::leave).
    pub(crate) unsafe fn enter(self, word: &StateWord, poll: &Poll, rendezvous: &Rendezvous) {
        let owner =
            OwnerHandle { word: NonNull::from(word), poll: NonNull::from(poll), rendezvous: NonNull::from(rendezvous) };
        // SAFETY: the caller guarantees that what the handle points to lives until `leave`.
        unsafe { owners(self.0).enter(self.0, owner) };
    }

    /// Makes this thread count for the token, until `stop_running`. Its mutator is RUNNING.
    #[inline(always)]
    pub(crate) fn run(self) {
        CURRENT.set(self.0);
    }

    /// Makes this thread count as a thread without a mutator.
    #[inline(always)]
    pub(crate) fn stop_running() {
        CURRENT.set(0);
    }

    /// Merges what other threads asked for. Called on the mutator's thread. Returns the dead objects, which the caller has to
    /// reclaim.
    #[cold]
    pub(crate) fn drain(self) -> Vec<Object> {
        owners(self.0).drain(self.0)
    }

    /// Removes the mutator from the table. Its thread has stopped counting for the token for good. Returns the dead objects,
    /// which the caller has to reclaim.
    pub(crate) fn leave(self) -> Vec<Object> {
        owners(self.0).leave(self.0)
    }
}

/// Merges an object that the caller has set QUEUED on, or asks its owner to. Returns whether the object is dead and the caller
/// has to reclaim it.
#[cold]
#[inline(never)]
pub(super) fn ask(token: u64, object: Object) -> bool {
    owners(token).ask(token, object)
}

/// Merges the counts of an object that the caller has a reference to, unless its owner runs. Returns whether they are merged.
#[cold]
#[inline(never)]
pub(super) fn merge(token: u64, count: &Count) -> bool {
    owners(token).merge(token, count)
}
