//! Whether the roots of a chunk may hold something young. The model is
//! `models/protocols/question.rs`.
//!
//! ```text
//!              put: a value is filed or written
//!     SETTLED ─────────────────────────────────▶ WRITTEN ◀── put ── SURVIVED
//!        ▲                                          │ a pause looks    ▲ │
//!        │                                          ├──────────────────┘ │ the next pause looks
//!        └──── a pause that promotes everything ────┴────────────────────┘
//! ```
//!
//! An object that survives its second collection becomes old. So what a root held when a pause
//! looked at it is old after the next one.
//!
//! - **[question.written]** A root of a SETTLED chunk holds nothing young. One of a SURVIVED chunk
//!   holds nothing that was allocated since the last pause. A mutator puts the chunk in question
//!   before it writes to a root, and no pause comes between.
//! - **[question.listed-once]** A chunk that is not SETTLED is on one list of chunks in question:
//!   that of the mutator that made it so, or the pool's.

use crate::sync::{
    atomic::{AtomicU8, Ordering},
    mutant,
};

/// Whether the roots of a chunk may hold something young.
pub(crate) struct Question(AtomicU8);

const SETTLED: u8 = 0;
const SURVIVED: u8 = 1;
const WRITTEN: u8 = 2;

/// What a pause makes of the young objects that it reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Survival {
    /// All become old.
    AllOld,
    /// Those that survive for the second time become old.
    ByAge,
    /// Testing: any may stay young, for any time.
    AnyAge,
}

impl Question {
    pub(crate) fn settled() -> Self {
        Self(AtomicU8::new(SETTLED))
    }

    /// Returns the question of what is about to be written to.
    #[inline(always)]
    pub(crate) fn written() -> Self {
        Self(AtomicU8::new(WRITTEN))
    }

    /// Returns whether the chunk is in question as if it had just been written to. A running
    /// mutator asks that before it writes.
    #[inline(always)]
    pub(crate) fn is_written(&self) -> bool {
        // Relaxed: it becomes less than WRITTEN in pauses only, which are ordered with every mutator.
        self.0.load(Ordering::Relaxed) == WRITTEN
    }

    /// Puts the chunk in question. Returns whether the caller, a running mutator or the leader of a
    /// pause, has to list it ([question.listed-once]).
    #[must_use]
    pub(crate) fn put(&self) -> bool {
        if mutant::LIST_BY_LOOKING.is_planted() {
            let before = self.0.load(Ordering::Relaxed);
            self.0.store(WRITTEN, Ordering::Relaxed);
            return before == SETTLED;
        }
        // Relaxed: one of the threads that put it finds SETTLED, and the leader, who reads the lists, is ordered after all of them.
        self.0.swap(WRITTEN, Ordering::Relaxed) == SETTLED
    }

    /// Returns whether the chunk is in question.
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: as in `is_written`, or the caller has the chunk to itself.
        self.0.load(Ordering::Relaxed) != SETTLED
    }

    /// Notes that a pause has looked at every root of the chunk, of which some may be written at
    /// any time if `has_cells`. Returns whether the chunk stays in question. The caller leads the
    /// pause.
    pub(crate) fn looked(&self, survival: Survival, has_cells: bool) -> bool {
        // Relaxed, here and below: the world is stopped.
        let before = self.0.load(Ordering::Relaxed);
        let after = match (survival, before) {
            _ if has_cells => WRITTEN,
            (Survival::AllOld, _) | (Survival::ByAge, SURVIVED) => SETTLED,
            (Survival::ByAge, _) => SURVIVED,
            (Survival::AnyAge, _) => WRITTEN,
        };
        self.0.store(after, Ordering::Relaxed);
        after != SETTLED
    }

    /// Settles a chunk without roots, which the caller takes from its list. The caller leads the
    /// pause, or has the chunk to itself.
    pub(crate) fn end(&self) {
        // Relaxed: as above.
        self.0.store(SETTLED, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_settles_when_what_it_held_is_old() {
        let question = Question::settled();
        assert!(question.put() && !question.put());
        assert!(question.looked(Survival::ByAge, false) && !question.is_written());
        // Written again: two more pauses. It is listed already.
        assert!(!question.put());
        assert!(question.looked(Survival::ByAge, false));
        assert!(!question.looked(Survival::ByAge, false) && !question.is_open());
        assert!(question.put());
        assert!(!question.looked(Survival::AllOld, false));
        assert!(question.put() && question.looked(Survival::AnyAge, false) && question.is_written());
        assert!(question.looked(Survival::AllOld, true) && question.is_written());
    }
}
