//! Which mutator this thread counts by, and where all of them are.
//!
//! - **[token.current]** `CURRENT` is the token of the mutator that this thread runs: 0 on a thread without one, in `blocked`, at a safepoint that has
//!   something to do, and from the beginning of a detach on. So one compare with an object's owner tells whether plain counting is right.
//! - **[token.no-destructor]** It needs no destructor, and so is there in the destructors of other thread-locals, and 0 there unless the mutator is.

use core::{cell::Cell, ptr::NonNull};

use super::{
    count::{Count, FIRST_TOKEN},
    owners::{Object, OwnerHandle, Owners},
};
use crate::{
    safepoint::{Poll, Rendezvous, StateWord},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// [token.current].
#[inline(always)]
pub(super) fn current() -> u64 {
    CURRENT.get()
}

/// The mutators of the process, by token.
static OWNERS: [Owners; SHARDS] = [const { Owners { entries: Mutex::new(Vec::new()) } }; SHARDS];

/// So many locks: mutators that live at the same time have tokens next to each other, and one each.
const SHARDS: usize = 64;

static NEXT: AtomicU64 = AtomicU64::new(FIRST_TOKEN);

fn owners(token: u64) -> &'static Owners {
    &OWNERS[token as usize % SHARDS]
}

/// What names a mutator as the owner of objects, never used twice.
#[derive(Clone, Copy)]
pub(crate) struct Token(u64);

impl Token {
    pub(crate) fn new() -> Self {
        // Relaxed: a number that nobody else has. It takes centuries to use them up.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// From here on others find the mutator ([owners.entry]).
    ///
    /// # Safety
    ///
    /// What is passed lives until [`leave`](Self::leave).
    pub(crate) unsafe fn enter(self, word: &StateWord, poll: &Poll, rendezvous: &Rendezvous) {
        let owner =
            OwnerHandle { word: NonNull::from(word), poll: NonNull::from(poll), rendezvous: NonNull::from(rendezvous) };
        // SAFETY: the caller's.
        unsafe { owners(self.0).enter(self.0, owner) };
    }

    /// This thread counts by the token, until it stops: its mutator is RUNNING.
    #[inline(always)]
    pub(crate) fn run(self) {
        CURRENT.set(self.0);
    }

    /// This thread counts as one without a mutator.
    #[inline(always)]
    pub(crate) fn stop() {
        CURRENT.set(0);
    }

    /// Merges what others asked for, on the mutator's thread. What is dead.
    #[cold]
    pub(crate) fn drain(self) -> Vec<Object> {
        owners(self.0).drain(self.0)
    }

    /// The mutator's thread has stopped counting by the token for good. What is dead.
    pub(crate) fn leave(self) -> Vec<Object> {
        owners(self.0).leave(self.0)
    }
}

/// Merges an object that QUEUED was set on, or asks its owner to. Whether it is dead, and the caller's to end.
#[cold]
#[inline(never)]
pub(super) fn ask(token: u64, object: Object) -> bool {
    owners(token).ask(token, object)
}

/// Merges the counts of an object that the caller has a reference to, unless its owner runs. Whether they are merged.
#[cold]
#[inline(never)]
pub(super) fn merge(token: u64, count: &Count) -> bool {
    owners(token).merge(token, count)
}
