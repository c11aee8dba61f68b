//! The record that a thread gave up waiting for mutators to reach a safepoint, so that other
//! threads do not wait for them again. The model is in `models/protocols/safepoint.rs`.
//!
//! - **[given-up.record]** A thread that gives up records it and *then* makes the stragglers LATE.
//!   While the record stands, threads that block do not wait again. A straggler that takes LATE,
//!   wherever it polls next, removes the record *before* it looks at what is due. So the record
//!   never stands when all mutators that it is about are blocked.

use crate::{
    safepoint::{Poll, Reason},
    sync::{
        atomic::{AtomicU64, Ordering},
        mutant,
    },
};

/// The value of `Epochs::collections` when a thread last gave up, or [`NEVER`].
pub(crate) struct GivenUp(AtomicU64);

const NEVER: u64 = u64::MAX;

impl GivenUp {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    /// Records that the thread which observed `collections` gave up waiting for the owners of these
    /// polls, and makes them LATE.
    pub(crate) fn give_up<'a>(&self, collections: u64, stragglers: impl Iterator<Item = &'a Poll>) {
        // Relaxed, all of this file: a hint that saves waiting again. LATE orders the record before its removal.
        if !mutant::LATE_BEFORE_THE_RECORD.is_planted() {
            self.0.store(collections, Ordering::Relaxed);
        }
        stragglers.for_each(Poll::raise_late);
        if mutant::LATE_BEFORE_THE_RECORD.is_planted() {
            self.0.store(collections, Ordering::Relaxed);
        }
    }

    /// Takes the reasons of a poll. If its owner was LATE, the record is removed.
    pub(crate) fn take(&self, poll: &Poll) -> Reason {
        let reason = poll.take();
        if reason.contains(Reason::LATE) {
            self.0.store(NEVER, Ordering::Relaxed);
        }
        reason
    }

    /// Returns whether a thread has given up since the last collection, which left `collections`,
    /// and no mutator that it waited for has polled yet.
    pub(crate) fn stands(&self, collections: u64) -> bool {
        self.0.load(Ordering::Relaxed) == collections
    }
}
