//! Whether the heap has a user: whether a pause may come that finds the roots that were dropped
//! elsewhere. The model is `models/protocols/attendance.rs`.
//!
//! - **[attendance.one-finds]** When the last user of a heap has gone, no pause has to come any
//!   more. That user records it and then looks for roots that were dropped. A thread that puts a
//!   chunk on the heap's list of those with drops (`noted`) then asks here. Record and question are
//!   read-modify-writes of one word, so one of the two comes first: the last user finds the chunk
//!   on the list, or the other thread finds that it has to look itself. A thread that drops a root
//!   in a chunk that is NOTED need not ask: the thread that takes the chunk from the list takes
//!   that root, too ([chunk-word.last-touch]).
//! - **[attendance.for-good]** Users are made from users, so a heap that has none gets none.

use crate::sync::{
    atomic::{AtomicU32, Ordering},
    mutant,
};

/// Whether a heap has a user.
pub(crate) struct Attendance(AtomicU32);

const NO_USER: u32 = 1;

impl Attendance {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Records that the last user has gone. The caller looks for roots that were dropped
    /// afterwards.
    pub(crate) fn end(&self) {
        // AcqRel, with `has_ended`: the caller sees what threads have noted that asked before.
        self.0.fetch_or(NO_USER, Ordering::AcqRel);
    }

    /// Returns whether the last user has gone, for a thread that has noted a root that it dropped.
    /// If it has not, it finds the note.
    pub(crate) fn has_ended(&self) -> bool {
        if mutant::LOOK_FOR_USERS_BY_LOADING.is_planted() {
            return self.0.load(Ordering::Acquire) & NO_USER != 0;
        }
        // AcqRel, with `end`. A load could come before the note is seen.
        self.0.fetch_add(0, Ordering::AcqRel) & NO_USER != 0
    }
}
