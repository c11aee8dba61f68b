//! The mutators that count for themselves, and what other threads asked each to merge. The model is
//! `models/protocols/counted.rs`.
//!
//! - **[owners.entry]** A mutator has an entry from before its thread first counts by its token until it has stopped doing so for
//!   good. A token without an entry belongs to no running mutator, so any thread may merge what the token owned.
//! - **[owners.merge]** Counts are merged under the lock, by the mutator's thread or while the mutator's state word is held
//!   ([safepoint.held]). So merging excludes the owner's own counting, and other merging.
//! - **[owners.queue]** An object gets into a queue only while the mutator is RUNNING, and the mutator's word is ASKED then. The
//!   thread that ends RUNNING clears ASKED and drains the queue ([safepoint.asked]): at the next safepoint, or on the way into
//!   `blocked`. So a mutator that does not run has an empty queue, or is about to empty it.
//!
//! The lock is a leaf, except for the park lock, which is taken under it to wake an owner. No user code runs under the lock.
//!
//! A mutator that is leaked stays RUNNING: the objects in its queue are never merged, and leak.

use core::ptr::NonNull;
use std::collections::BTreeMap;

use super::count::{Count, Settled};
use crate::{
    safepoint::{Hold, Poll, Rendezvous, StateWord},
    sync::{Mutex, RawLock, mutant, raw},
};

/// An object without its type.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    pub(crate) count: NonNull<Count>,
    pub(crate) kind: &'static Kind,
}

/// The operations on the objects of one type.
pub(crate) struct Kind {
    /// Drops the contents of a dead object and frees it.
    ///
    /// # Safety
    ///
    /// The object is of the type and dead, and the caller has to reclaim it.
    pub(crate) reclaim: unsafe fn(NonNull<Count>),
    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// The object is of the type, its contents are gone, and the caller has to free the memory.
    pub(crate) free: unsafe fn(NonNull<Count>),
    /// Returns the type's name.
    pub(crate) name: fn() -> &'static str,
}

// SAFETY: a thread other than the owner makes an `Object` of a reference that it had, so the type is `Send + Sync`. Or the
// owner's thread makes it while the owner does not run, and then the `Object` does not leave that thread.
unsafe impl Send for Object {}

impl Object {
    fn count(&self) -> &Count {
        // SAFETY: the object is not freed while QUEUED is set, and only the thread with this `Object` clears QUEUED. Or the
        // object is dead and ours.
        unsafe { self.count.as_ref() }
    }

    /// Clears QUEUED, and frees the memory if only that is left. Returns whether the object is dead and the caller has to reclaim
    /// it. The caller has to clear QUEUED, and has the owner's right.
    fn flush(self) -> bool {
        match self.count().flush() {
            Settled::Alive => false,
            Settled::Dead => true,
            Settled::Empty => {
                if self.count().release_memory() {
                    // SAFETY: the contents have been moved out, and no weak handle is left.
                    unsafe { (self.kind.free)(self.count) };
                }
                false
            }
        }
    }
}

/// One shard of the table of mutators, by their tokens.
pub(crate) struct Owners {
    pub(crate) entries: Mutex<BTreeMap<u64, Entry>>,
}

/// The entry of one mutator.
pub(crate) struct Entry {
    handle: OwnerHandle,
    /// The objects that other threads asked the mutator to merge ([owners.queue]).
    queue: Vec<Object>,
}

/// What another thread needs to hold a mutator, or to ask it.
#[derive(Clone, Copy)]
pub(crate) struct OwnerHandle {
    pub(crate) word: NonNull<StateWord>,
    pub(crate) poll: NonNull<Poll>,
    pub(crate) rendezvous: NonNull<Rendezvous>,
}

// SAFETY: all three targets are `Sync` and live as long as the entry, as the caller of `enter` guarantees.
unsafe impl Send for Entry {}

impl OwnerHandle {
    /// Holds the mutator. If the mutator runs, asks it to merge instead.
    fn hold(&self) -> Hold {
        // SAFETY: the word lives as long as the entry.
        let hold = unsafe { self.word.as_ref() }.hold();
        if hold == (Hold::Asked { first: true }) {
            // SAFETY: the poll lives as long as the entry.
            unsafe { self.poll.as_ref() }.raise_merge();
        }
        hold
    }

    fn release(&self) {
        // SAFETY: both live as long as the entry.
        unsafe { self.rendezvous.as_ref().release(self.word.as_ref()) };
    }
}

impl Owners {
    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.entries)
    }

    /// Enters a mutator ([owners.entry]).
    ///
    /// # Safety
    ///
    /// What `handle` points to lives until [`leave`](Self::leave).
    pub(crate) unsafe fn enter(&self, token: u64, handle: OwnerHandle) {
        self.entries.lock().insert(token, Entry { handle, queue: Vec::new() });
    }

    /// Removes a mutator ([owners.entry]). Its thread no longer counts by this token. Returns the dead objects of its
    /// queue, which the caller has to reclaim.
    pub(crate) fn leave(&self, token: u64) -> Vec<Object> {
        let mut entries = self.entries.lock();
        let Some(Entry { mut queue, .. }) = entries.remove(&token) else { return Vec::new() };
        queue.retain(|object| object.flush());
        queue
    }

    /// Merges the objects in a mutator's queue ([owners.queue]). The caller is the mutator's thread, running or on the way into
    /// `blocked`. Returns the dead ones, which the caller has to reclaim.
    pub(crate) fn drain(&self, token: u64) -> Vec<Object> {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&token) else { return Vec::new() };
        let mut queue = core::mem::take(&mut entry.queue);
        queue.retain(|object| object.flush());
        queue
    }

    /// Merges an object that the caller has set QUEUED on, or asks its owner to. Returns whether the object is dead and the
    /// caller has to reclaim it.
    pub(crate) fn ask(&self, token: u64, object: Object) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&token) else { return object.flush() };
        let hold = if mutant::MERGE_WITHOUT_HOLD.is_planted() { Hold::Held } else { entry.handle.hold() };
        match hold {
            Hold::Held => {
                let dead = object.flush();
                if !mutant::MERGE_WITHOUT_HOLD.is_planted() {
                    entry.handle.release();
                }
                dead
            }
            Hold::Asked { .. } => {
                entry.queue.push(object);
                false
            }
        }
    }

    /// Merges the counts of an object that the caller has a reference to, unless its owner runs. Returns whether they are merged.
    pub(crate) fn merge(&self, token: u64, count: &Count) -> bool {
        let entries = self.entries.lock();
        let Some(entry) = entries.get(&token) else {
            count.merge();
            return true;
        };
        // SAFETY: the word lives as long as the entry.
        if !unsafe { entry.handle.word.as_ref() }.hold_if_away() {
            return false;
        }
        count.merge();
        entry.handle.release();
        true
    }
}
