//! The mutator that this thread counts for, and the table of all mutators.
//!
//! - **[token.current]** `CURRENT` is the token of the mutator that this thread runs. It is 0 on a
//!   thread without a mutator, in `blocked`, at a safepoint while the thread is parked or collects,
//!   and from the beginning of a detach on. So one compare with an object's owner decides whether
//!   plain counting is right.
//! - **[token.no-destructor]** `CURRENT` needs no destructor, so the destructors of other
//!   thread-locals can use it. There it is 0 unless the mutator still exists.
//! - **[token.renewed]** The token of a mutator changes at a safepoint or on the way into `blocked`
//!   only, and never back ([owners.renewed]).

use core::{cell::Cell, hint::cold_path, ptr::NonNull};
use std::collections::BTreeMap;

use crossbeam_utils::CachePadded;

use super::{
    count::{Count, FIRST_TOKEN},
    owners::{Full, Merged, NONE, Object, Owner, Owners, renew},
};
use crate::sync::{
    Mutex, RawLock,
    atomic::{AtomicU64, Ordering},
};

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// Returns the token of the mutator that this thread counts for, or 0 ([token.current]).
#[inline(always)]
pub(super) fn current() -> u64 {
    CURRENT.get()
}

/// Returns the token of the mutator that owns what this thread makes, or 0: none does on a thread
/// that counts for none, or if too many objects wait for the mutator ([owners.full]).
#[inline(always)]
pub(super) fn maker() -> u64 {
    let current = current();
    if current != 0 && owners(current).is_full(current) {
        cold_path();
        return 0;
    }
    current
}

/// The mutators of the process, by token.
static OWNERS: [CachePadded<Owners>; SHARDS] =
    [const { CachePadded::new(Owners { entries: Mutex::new(BTreeMap::new()), full: Full(AtomicU64::new(NONE)) }) };
        SHARDS];

/// The number of locks. Mutators that live at the same time have consecutive tokens, and so a lock
/// each.
const SHARDS: usize = 64;

/// Returns the locks of the table.
pub(crate) fn lock_words() -> impl Iterator<Item = &'static RawLock> {
    OWNERS.iter().map(|owners| owners.lock_word())
}

static NEXT: AtomicU64 = AtomicU64::new(FIRST_TOKEN);

#[inline(always)]
fn owners(token: u64) -> &'static Owners {
    &OWNERS[token as usize % SHARDS]
}

/// Identifies a mutator as the owner of objects. No number is ever used twice.
pub(crate) struct Token(Cell<u64>);

/// Returns a number that no token has had.
fn fresh() -> u64 {
    // Relaxed: the number only has to be unique. It takes centuries to use the numbers up.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Token {
    pub(crate) fn new() -> Self {
        Self(Cell::new(fresh()))
    }

    /// Enters the mutator into the table, where other threads find it from here on
    /// ([owners.entry]).
    ///
    /// # Safety
    ///
    /// `owner` lives until [`leave`](Self::leave).
    pub(crate) unsafe fn enter(&self, owner: NonNull<dyn Owner>) {
        let token = self.0.get();
        // SAFETY: the caller guarantees the same.
        unsafe { owners(token).enter(token, owner) };
    }

    /// Makes this thread count for the token, until `stop_running`. Its mutator is RUNNING.
    #[inline(always)]
    pub(crate) fn run(&self) {
        CURRENT.set(self.0.get());
    }

    /// Makes this thread count as a thread without a mutator.
    #[inline(always)]
    pub(crate) fn stop_running() {
        CURRENT.set(0);
    }

    /// Merges what other threads asked for. Called on the mutator's thread.
    #[cold]
    pub(crate) fn drain(&self) -> Merged {
        let old = self.0.get();
        let mut merged = owners(old).drain(old);
        if merged.is_long() {
            let new = fresh();
            merged.add(renew((owners(old), old), (owners(new), new), || {
                self.0.set(new);
                // On the way into `blocked` this thread counts for none.
                if current() == old {
                    CURRENT.set(new);
                }
            }));
        }
        merged
    }

    /// Removes the mutator from the table, and merges what other threads asked for. Its thread has
    /// stopped counting for the token for good.
    pub(crate) fn leave(&self) -> Merged {
        let token = self.0.get();
        owners(token).leave(token)
    }
}

/// Merges an object that the caller has set QUEUED on, or asks its owner to. Returns whether the
/// object is dead and the caller has to reclaim it.
#[cold]
#[inline(never)]
pub(super) fn ask(token: u64, object: Object) -> bool {
    owners(token).ask(token, object)
}

/// Merges the counts of an object that the caller has a reference to, unless its owner runs.
/// Returns whether they are merged.
#[cold]
#[inline(never)]
pub(super) fn merge(token: u64, count: &Count) -> bool {
    owners(token).merge(token, count)
}
