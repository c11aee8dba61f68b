//! The mutators that count for themselves, and what they were asked to merge. The model is `models/protocols/counted.rs`.
//!
//! - **[owners.entry]** A mutator has an entry from before its thread first counts by its token until it has stopped doing so for good. A token without
//!   an entry belongs to nobody who runs: what it owned is anybody's to merge.
//! - **[owners.merge]** Counts are merged under the lock, by the mutator's thread or while its word is held ([safepoint.held]). So merging excludes the
//!   owner's own counting, and other merging.
//! - **[owners.queue]** An object gets into a queue only while the mutator is RUNNING, and its word is ASKED then. Who ends RUNNING takes ASKED off and
//!   drains the queue ([safepoint.asked]): at the next safepoint, or on the way into `blocked`. So a mutator that does not run has an empty queue, or
//!   is about to empty it.
//!
//! The lock is a leaf but for the park lock, which is taken under it to wake an owner. No code of the program runs under it.
//!
//! A mutator that is leaked stays RUNNING: what it is asked for is never merged, and leaks.

use core::ptr::NonNull;

use super::count::{Count, Settled};
use crate::{
    safepoint::{Hold, Poll, Rendezvous, StateWord},
    sync::{Mutex, mutant},
};

/// An object whatever its type.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    pub(crate) count: NonNull<Count>,
    pub(crate) kind: &'static Kind,
}

/// What is done with objects of a type.
pub(crate) struct Kind {
    /// Drops the contents of a dead object and frees it.
    ///
    /// # Safety
    ///
    /// The object is of the type, dead, and the caller's to end.
    pub(crate) reclaim: unsafe fn(NonNull<Count>),
    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// The object is of the type, its contents gone, and the memory the caller's to free.
    pub(crate) free: unsafe fn(NonNull<Count>),
    /// The type's name.
    pub(crate) name: fn() -> &'static str,
}

// SAFETY: an object gets here when another thread than its owner had a reference to it, so its type is `Send + Sync`; or by its owner's
// thread, while that does not run, and then does not leave it.
unsafe impl Send for Object {}

impl Object {
    fn count(&self) -> &Count {
        // SAFETY: the object is not freed while QUEUED is set, for which whoever has an `Object` answers; or it is dead and ours.
        unsafe { self.count.as_ref() }
    }

    /// Takes QUEUED off, and frees the memory if there is nothing else left. Whether the object is dead and the caller's to end.
    /// The caller answers for QUEUED, and has the owner's right.
    fn flush(self) -> bool {
        match self.count().flush() {
            Settled::Alive => false,
            Settled::Dead => true,
            Settled::Empty => {
                if self.count().release_memory() {
                    // SAFETY: the contents have been moved out, and there is no weak handle.
                    unsafe { (self.kind.free)(self.count) };
                }
                false
            }
        }
    }
}

/// Mutators, some of those there are.
pub(crate) struct Owners {
    pub(crate) entries: Mutex<Vec<Entry>>,
}

/// One mutator.
pub(crate) struct Entry {
    token: u64,
    seat: OwnerHandle,
    /// [owners.queue].
    queue: Vec<Object>,
}

/// Where a mutator is met.
#[derive(Clone, Copy)]
pub(crate) struct OwnerHandle {
    pub(crate) word: NonNull<StateWord>,
    pub(crate) poll: NonNull<Poll>,
    pub(crate) rendezvous: NonNull<Rendezvous>,
}

// SAFETY: all three are `Sync`, and live as long as the entry (the duty of whoever enters it).
unsafe impl Send for Entry {}

impl OwnerHandle {
    /// Holds the mutator; if it runs, asks it instead.
    fn hold(&self) -> Hold {
        // SAFETY: it lives as long as the entry.
        let hold = unsafe { self.word.as_ref() }.hold();
        if hold == (Hold::Asked { first: true }) {
            // SAFETY: as above.
            unsafe { self.poll.as_ref() }.raise_merge();
        }
        hold
    }

    fn release(&self) {
        // SAFETY: as above, both.
        unsafe { self.rendezvous.as_ref().release(self.word.as_ref()) };
    }
}

impl Owners {
    /// Enters a mutator ([owners.entry]).
    ///
    /// # Safety
    ///
    /// What `seat` points to lives until [`leave`](Self::leave).
    pub(crate) unsafe fn enter(&self, token: u64, seat: OwnerHandle) {
        self.entries.lock().push(Entry { token, seat, queue: Vec::new() });
    }

    /// Strikes a mutator off ([owners.entry]). Its thread does not count by this token any more. Returns what is dead of what it was asked for, which is the
    /// caller's to end.
    pub(crate) fn leave(&self, token: u64) -> Vec<Object> {
        let mut entries = self.entries.lock();
        let Some(index) = entries.iter().position(|entry| entry.token == token) else { return Vec::new() };
        let mut queue = entries.swap_remove(index).queue;
        queue.retain(|object| object.flush());
        queue
    }

    /// Merges what a mutator was asked for ([owners.queue]). The caller is its thread, running, or on the way into `blocked`. Returns what is dead, which is
    /// the caller's to end.
    pub(crate) fn drain(&self, token: u64) -> Vec<Object> {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.iter_mut().find(|entry| entry.token == token) else { return Vec::new() };
        let mut queue = core::mem::take(&mut entry.queue);
        queue.retain(|object| object.flush());
        queue
    }

    /// Merges an object that the caller has set QUEUED on, or asks its owner to. Whether it is dead and the caller's to end.
    pub(crate) fn ask(&self, token: u64, object: Object) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.iter_mut().find(|entry| entry.token == token) else { return object.flush() };
        let hold = if mutant::MERGE_WITHOUT_HOLD.is_planted() { Hold::Held } else { entry.seat.hold() };
        match hold {
            Hold::Held => {
                let dead = object.flush();
                if !mutant::MERGE_WITHOUT_HOLD.is_planted() {
                    entry.seat.release();
                }
                dead
            }
            Hold::Asked { .. } => {
                entry.queue.push(object);
                false
            }
        }
    }

    /// Merges the counts of an object that the caller has a reference to, unless its owner runs. Whether they are merged.
    pub(crate) fn merge(&self, token: u64, count: &Count) -> bool {
        let entries = self.entries.lock();
        let Some(entry) = entries.iter().find(|entry| entry.token == token) else {
            count.merge();
            return true;
        };
        // SAFETY: it lives as long as the entry.
        if !unsafe { entry.seat.word.as_ref() }.hold_if_away() {
            return false;
        }
        count.merge();
        entry.seat.release();
        true
    }
}
