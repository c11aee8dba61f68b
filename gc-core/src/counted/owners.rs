//! The mutators that count for themselves, and what other threads asked each to merge. The model is
//! `models/protocols/counted.rs`.
//!
//! - **[owners.entry]** A mutator has an entry from before its thread first counts by its token
//!   until it has stopped doing so for good. A token without an entry belongs to no running
//!   mutator, so any thread may merge what the token owned.
//! - **[owners.merge]** Counts are merged under the lock, by the mutator's thread or while the
//!   mutator's state word is held ([safepoint.held]). So merging excludes the owner's own counting,
//!   and other merging.
//! - **[owners.queue]** An object gets into a queue only while the mutator is RUNNING, and the
//!   mutator's word is ASKED then. The thread that ends RUNNING clears ASKED and drains the queue
//!   ([safepoint.asked]): at the next safepoint, or on the way into `blocked`. So a mutator that
//!   does not run has an empty queue, or is about to empty it. `Owner::waiting` counts an object
//!   from before it is in a queue until the mutator has passed it on if it was dead.
//! - **[owners.full]** While FULL objects or more wait for one mutator, it owns nothing that it
//!   makes. So no more objects can ever wait for a mutator that never reaches a safepoint than FULL
//!   and those that it owned when so many waited: an object waits once ([count.queued]). (The
//!   mutator reads without the lock that it is full, so it may own some that it makes meanwhile. If
//!   several mutators of a shard are full, the others of that shard own nothing that they make
//!   either.)
//! - **[owners.rounds]** Below an object that waits there may be others that only it refers to.
//!   Nobody knows until it is dropped, which a safepoint does not do. So a chain would take a
//!   safepoint for each link. An object counts the safepoints that objects above it have waited
//!   for: its *round*. A mutator that finds a dead object which has waited LONG rounds renews its
//!   token. By [owners.entry] the rest of what it owned in the chain waits no more. So a chain
//!   takes at most LONG safepoints and one for each of its owners.
//! - **[owners.renewed]** A mutator that renews its token has an entry by the new one before it
//!   counts by it, and counts by it before the entry of the old one goes. Then the thread counts
//!   what it made before as every other thread does. It makes nothing before that: no object is
//!   owned by the new token while another thread may hold the mutator by the old one, whose lock is
//!   another ([safepoint.held]).
//!
//! The lock is a leaf, except for two that are taken under it: the park lock, to wake an owner, and
//! that of the heap's jobs, to report that much waits. No user code runs under the lock.
//!
//! A mutator that is leaked stays RUNNING: the objects in its queue are never merged, and leak.

use core::ptr::NonNull;
use std::collections::BTreeMap;

use super::count::{Count, FIRST_TOKEN, Settled};
use crate::{
    safepoint::{Hold, Poll, Rendezvous, StateWord},
    sync::{
        Mutex, RawLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mutant, raw,
    },
};

/// An object without its type.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    pub(crate) count: NonNull<Count>,
    pub(crate) kind: &'static Kind,
    /// The number of safepoints that it and the objects above it have waited for ([owners.rounds]).
    pub(crate) round: u32,
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
// owner's thread makes it while the owner does not run, or by a token that the owner has given up, and then the `Object` does not
// leave that thread.
unsafe impl Send for Object {}

impl Object {
    fn count(&self) -> &Count {
        // SAFETY: the object is not freed while QUEUED is set, and only the thread with this `Object` clears QUEUED. Or the
        // object is dead and ours.
        unsafe { self.count.as_ref() }
    }

    /// Clears QUEUED, and frees the memory if only that is left. Returns whether the object is dead
    /// and the caller has to reclaim it. The caller has to clear QUEUED, and has the owner's right.
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

/// What other threads need of a mutator: to hold it or to ask it, and to count and report what
/// waits for it.
pub(crate) trait Owner {
    fn word(&self) -> &StateWord;
    fn poll(&self) -> &Poll;
    fn rendezvous(&self) -> &Rendezvous;
    /// Returns the number of objects in the queues of all mutators of its heap.
    fn waiting(&self) -> &AtomicUsize;
    /// Reports that so many objects wait for this mutator.
    fn report_behind(&self, objects: usize);
}

/// One shard of the table of mutators, by their tokens.
pub(crate) struct Owners {
    pub(crate) entries: Mutex<BTreeMap<u64, Entry>>,
    pub(crate) full: Full,
}

/// Which mutator of a shard is full ([owners.full]): its token, NONE or SEVERAL. It has cache lines
/// of its own: who makes an object reads it, and other threads take the lock beside it.
#[repr(align(128))]
pub(crate) struct Full(pub(crate) AtomicU64);

pub(crate) const NONE: u64 = 0;
const SEVERAL: u64 = 1;
const _: () = assert!(SEVERAL < FIRST_TOKEN);

impl Full {
    /// Returns whether the mutator with this token is full.
    #[inline(always)]
    fn has(&self, token: u64) -> bool {
        // Relaxed: a mutator that finds it out later owns some objects more.
        let full = self.0.load(Ordering::Relaxed);
        full != NONE && (full == token || full == SEVERAL)
    }

    /// Looks for full mutators among those of the shard.
    #[cold]
    fn look(&self, entries: &BTreeMap<u64, Entry>) {
        let mut full = entries.iter().filter(|(_, entry)| entry.is_full()).map(|(&token, _)| token);
        let found = match (full.next(), full.next()) {
            (None, _) => NONE,
            (Some(token), None) => token,
            _ => SEVERAL,
        };
        // Relaxed: as for `has`. It is written under the lock.
        self.0.store(found, Ordering::Relaxed);
    }
}

/// The entry of one mutator.
pub(crate) struct Entry {
    owner: NonNull<dyn Owner>,
    /// The objects that other threads asked the mutator to merge ([owners.queue]).
    queue: Vec<Object>,
    /// The length of the queue that is reported next: FULL, and twice as many each time.
    report_at: usize,
}

// SAFETY: what the pointer is used for is `Sync`: word, poll, rendezvous and a number, and a report, which reads what does not
// change. It lives as long as the entry, as the caller of `enter` guarantees.
unsafe impl Send for Entry {}

impl Entry {
    fn new(owner: NonNull<dyn Owner>) -> Self {
        Self { owner, queue: Vec::new(), report_at: FULL }
    }

    fn owner(&self) -> &dyn Owner {
        // SAFETY: the mutator lives as long as the entry.
        unsafe { self.owner.as_ref() }
    }

    /// Holds the mutator. If the mutator runs, asks it to merge instead.
    fn hold(&self) -> Hold {
        let hold = self.owner().word().hold();
        if hold == (Hold::Asked { first: true }) {
            self.owner().poll().raise_merge();
        }
        hold
    }

    fn release(&self) {
        self.owner().rendezvous().release(self.owner().word());
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= FULL
    }

    /// Queues an object. The mutator has been asked.
    fn wait(&mut self, object: Object) {
        self.queue.push(object);
        // Relaxed: a figure.
        self.owner().waiting().fetch_add(1, Ordering::Relaxed);
        let objects = self.queue.len();
        if objects >= self.report_at {
            self.report_at = objects.saturating_mul(2);
            self.owner().report_behind(objects);
        }
    }

    /// Empties the queue, and merges the objects in it.
    fn merge(&mut self) -> Merged {
        let mut dead = core::mem::take(&mut self.queue);
        let waited = dead.len();
        dead.retain_mut(|object| {
            object.round = object.round.saturating_add(1);
            object.flush()
        });
        Merged { dead, waited }
    }
}

/// What a mutator has merged.
#[must_use]
#[derive(Default)]
pub(crate) struct Merged {
    /// The dead objects, which the caller has to reclaim.
    pub(crate) dead: Vec<Object>,
    /// How many objects have waited: the caller subtracts them from `Owner::waiting` when it has
    /// passed the dead ones on.
    pub(crate) waited: usize,
}

impl Merged {
    /// Returns whether a chain has waited for long, so that the mutator renews its token
    /// ([owners.rounds]).
    pub(crate) fn is_long(&self) -> bool {
        self.dead.iter().any(|object| object.round > LONG)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.dead.extend(other.dead);
        self.waited += other.waited;
    }
}

impl Owners {
    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.entries)
    }

    /// Returns whether the mutator is full, and so owns nothing that it makes ([owners.full]).
    #[inline(always)]
    pub(crate) fn is_full(&self, token: u64) -> bool {
        self.full.has(token)
    }

    /// Notes that a queue has been emptied.
    fn note_emptied(&self, token: u64, entries: &BTreeMap<u64, Entry>) {
        if self.full.has(token) {
            self.full.look(entries);
        }
    }

    /// Enters a mutator ([owners.entry]).
    ///
    /// # Safety
    ///
    /// `owner` lives until it has left ([`leave`](Self::leave)), by this token or the one that
    /// [`renew`] has put in its place.
    pub(crate) unsafe fn enter(&self, token: u64, owner: NonNull<dyn Owner>) {
        self.entries.lock().insert(token, Entry::new(owner));
    }

    /// Removes a mutator ([owners.entry]), and merges what is in its queue. Its thread no longer
    /// counts by this token.
    pub(crate) fn leave(&self, token: u64) -> Merged {
        let mut entries = self.entries.lock();
        let Some(mut entry) = entries.remove(&token) else { return Merged::default() };
        self.note_emptied(token, &entries);
        entry.merge()
    }

    /// Merges the objects in a mutator's queue ([owners.queue]). The caller is the mutator's
    /// thread, running or on the way into `blocked`.
    pub(crate) fn drain(&self, token: u64) -> Merged {
        let mut entries = self.entries.lock();
        let merged = entries.get_mut(&token).map(Entry::merge).unwrap_or_default();
        self.note_emptied(token, &entries);
        merged
    }

    /// Merges an object that the caller has set QUEUED on, or asks its owner to. Returns whether
    /// the object is dead and the caller has to reclaim it.
    pub(crate) fn ask(&self, token: u64, object: Object) -> bool {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&token) else { return object.flush() };
        let hold = if mutant::MERGE_WITHOUT_HOLD.is_planted() { Hold::Held } else { entry.hold() };
        match hold {
            Hold::Held => {
                let dead = object.flush();
                if !mutant::MERGE_WITHOUT_HOLD.is_planted() {
                    entry.release();
                }
                dead
            }
            Hold::Asked { .. } => {
                entry.wait(object);
                if entry.is_full() && !self.full.has(token) {
                    self.full.look(&entries);
                }
                false
            }
        }
    }

    /// Merges the counts of an object that the caller has a reference to, unless its owner runs.
    /// Returns whether they are merged.
    pub(crate) fn merge(&self, token: u64, count: &Count) -> bool {
        let entries = self.entries.lock();
        let Some(entry) = entries.get(&token) else {
            count.merge();
            return true;
        };
        if !entry.owner().word().hold_if_away() {
            return false;
        }
        count.merge();
        entry.release();
        true
    }
}

/// Gives a mutator a new token in place of the old one ([owners.renewed]). The caller is its
/// thread, which counts by the new one when `count_by_new` returns. Merges what has come to wait
/// since the last drain.
pub(crate) fn renew(old: (&Owners, u64), new: (&Owners, u64), count_by_new: impl FnOnce()) -> Merged {
    let renewed = |entry: &Entry| Entry { report_at: entry.report_at, ..Entry::new(entry.owner) };
    let entry = old.0.entries.lock().get(&old.1).map(renewed);
    // Without an entry no thread counts by the token.
    let Some(entry) = entry else { return Merged::default() };
    if !mutant::RENEWED_WITHOUT_AN_ENTRY.is_planted() {
        new.0.entries.lock().insert(new.1, entry);
    }
    if !mutant::RENEWED_COUNTS_BY_THE_OLD.is_planted() {
        count_by_new();
    }
    old.0.leave(old.1)
}

/// The number of objects that wait for a mutator from which on it owns nothing that it makes
/// ([owners.full]). To merge so many takes less than a millisecond.
pub(crate) const FULL: usize = 1 << 14;

/// The number of rounds after which a chain does not wait any longer ([owners.rounds]). Every
/// renewal costs the mutator its plain counts of all that it has made, and most trees that are
/// shared among threads are not deeper.
pub(crate) const LONG: u32 = 8;

#[cfg(all(test, not(gc_loom)))]
mod tests;
