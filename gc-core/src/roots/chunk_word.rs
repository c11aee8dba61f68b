//! The word of a chunk: how many of its roots are left, and which of its slots other threads have
//! dropped. The model is `models/protocols/chunk_word.rs`.
//!
//! ```text
//!            orphan: the owner detaches
//!     OWNED ────────────────────────────▶ orphaned ── the last root is dropped ──▶ orphaned, empty
//!       ▲                                   │                                        │
//!       └── adopt: another mutator takes it ┴────────────────────────────────────────┘
//! ```
//!
//! Slots that are dropped elsewhere form a stack: the word holds the topmost, and each slot's own
//! word the next (`root_word`).
//!
//! - **[chunk-word.count]** While the chunk is OWNED, the count is the number of slots on the
//!   stack. While it is orphaned, it is the number of its roots.
//! - **[chunk-word.last]** Exactly one drop makes an orphaned chunk empty. The thread of that drop
//!   gives up the chunk's reference to the heap.
//! - **[chunk-word.last-touch]** The read-modify-write of a drop is the last access of its thread
//!   to the chunk, unless it sets NOTED. That thread then puts the chunk on the heap's list
//!   (`noted`), for which it holds the heap. Only the thread that takes the chunk from that list
//!   clears NOTED, and no chunk is freed while it is NOTED.
//! - **[chunk-word.one-taker]** The stack is taken by one thread at a time: the running owner, the
//!   leader of a pause, or for an orphaned chunk the thread that holds the pool's lock. Only those
//!   also orphan, adopt and free it.

use crate::sync::{
    atomic::{AtomicU32, Ordering},
    mutant,
};

/// The word of a chunk.
pub(crate) struct ChunkWord(AtomicU32);

/// The topmost slot of the stack, plus one; 0 for none.
const TOP: u32 = 0xFFF;
const COUNT_SHIFT: u32 = 12;
const COUNT: u32 = 0xFFF << COUNT_SHIFT;
const ONE: u32 = 1 << COUNT_SHIFT;
/// A mutator owns the chunk.
const OWNED: u32 = 1 << 24;
/// The chunk is on the heap's list of chunks with drops, or about to be.
const NOTED: u32 = 1 << 25;

/// The outcome of a drop.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DroppedElsewhere {
    /// This was the last root of an orphaned chunk: the caller gives up the chunk's reference to
    /// the heap ([chunk-word.last]).
    pub(crate) last: bool,
    /// The chunk became NOTED: the caller puts it on the heap's list ([chunk-word.last-touch]).
    pub(crate) notes: bool,
}

impl ChunkWord {
    /// Returns the word of a chunk without roots that a mutator owns.
    pub(crate) fn owned() -> Self {
        Self(AtomicU32::new(OWNED))
    }

    /// Puts slot `slot` on the stack. `link` is called before each attempt: with the slot below,
    /// which it writes into the slot's word, and with whether the attempt sets NOTED, for which it
    /// takes hold of the heap.
    pub(crate) fn drop_elsewhere(&self, slot: u16, mut link: impl FnMut(Option<u16>, bool)) -> DroppedElsewhere {
        // Relaxed: the compare-and-exchange finds whether it is still so. Nothing is read by what is seen here.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            link(top(seen), seen & NOTED == 0);
            let count = if seen & OWNED != 0 { seen + ONE } else { seen - ONE };
            let new = (count & !TOP) | NOTED | (u32::from(slot) + 1);
            // Release, with the Acquire in `take`, and with that of the last drop: the use of the value, and the link, come before.
            // Acquire: what the other threads did with the chunk comes before what the last one does.
            let order = mutant::RELAXED_ROOT_DROP.weaken(Ordering::AcqRel);
            match self.0.compare_exchange(seen, new, order, Ordering::Relaxed) {
                Ok(_) => {
                    return DroppedElsewhere { last: new & (OWNED | COUNT) == 0, notes: seen & NOTED == 0 };
                }
                Err(found) => seen = found,
            }
        }
    }

    /// Takes the stack, and returns its topmost slot. The caller is the one taker
    /// ([chunk-word.one-taker]).
    pub(crate) fn take(&self) -> Option<u16> {
        self.take_and(0)
    }

    /// Takes the stack, and clears NOTED. The caller has taken the chunk from the heap's list, and
    /// is the one taker.
    pub(crate) fn take_noted(&self) -> Option<u16> {
        self.take_and(NOTED)
    }

    fn take_and(&self, clear: u32) -> Option<u16> {
        // Relaxed: only the one taker changes OWNED.
        let owned = self.0.load(Ordering::Relaxed) & OWNED != 0;
        let keep = !(clear | TOP | if owned { COUNT } else { 0 });
        // Acquire, with the Release of the drops: the links are seen, and no thread uses the values any more. Release: a thread that
        // sets NOTED again, or makes the chunk empty, comes after this.
        top(self.0.fetch_and(keep, mutant::RELAXED_ROOT_TAKE.weaken(Ordering::AcqRel)))
    }

    /// Returns how many slots wait on the stack of an OWNED chunk, as of late. A hint for its
    /// owner.
    pub(crate) fn pending(&self) -> u32 {
        // Relaxed: a hint; `take` synchronises.
        (self.0.load(Ordering::Relaxed) & COUNT) >> COUNT_SHIFT
    }

    /// Returns how many roots an orphaned chunk has, as of late ([chunk-word.count]).
    pub(crate) fn roots(&self) -> u32 {
        // Relaxed: a figure.
        (self.0.load(Ordering::Relaxed) & COUNT) >> COUNT_SHIFT
    }

    /// Returns whether no slot waits, and the chunk is not NOTED. The caller is the one taker of a
    /// chunk without roots, so no thread changes that.
    pub(crate) fn is_quiet(&self) -> bool {
        // Acquire: the last access of every other thread to the chunk comes before its memory is freed ([chunk-word.last-touch]).
        self.0.load(Ordering::Acquire) & (TOP | NOTED) == 0
    }

    /// Detaches the owner, of whose chunk `used` slots are not free. Returns whether it has no
    /// roots.
    pub(crate) fn orphan(&self, used: u32) -> bool {
        self.exchange(|seen| {
            debug_assert!(seen & OWNED != 0);
            let roots = used - ((seen & COUNT) >> COUNT_SHIFT);
            (seen & (TOP | NOTED)) | (roots << COUNT_SHIFT)
        }) & COUNT
            == 0
    }

    /// Makes an orphaned chunk OWNED, of which `used` slots are not free. Returns whether it has
    /// had no root: then the chunk has no reference to the heap.
    pub(crate) fn adopt(&self, used: u32) -> bool {
        let before = self.exchange_from(|seen| {
            debug_assert!(seen & OWNED == 0);
            let pending = used - ((seen & COUNT) >> COUNT_SHIFT);
            (seen & (TOP | NOTED)) | OWNED | (pending << COUNT_SHIFT)
        });
        before & COUNT == 0
    }

    /// Changes the word, and returns what it is then.
    fn exchange(&self, new: impl Fn(u32) -> u32) -> u32 {
        new(self.exchange_from(&new))
    }

    /// Changes the word, and returns what it was before.
    fn exchange_from(&self, new: impl Fn(u32) -> u32) -> u32 {
        // Relaxed load: as in `drop_elsewhere`.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // AcqRel: what the owner did with the chunk comes before what the thread of the last drop, or the next owner, does.
            let order = mutant::RELAXED_ROOT_OWNER.weaken(Ordering::AcqRel);
            match self.0.compare_exchange(seen, new(seen), order, Ordering::Relaxed) {
                Ok(before) => return before,
                Err(found) => seen = found,
            }
        }
    }
}

fn top(word: u32) -> Option<u16> {
    (word & TOP).checked_sub(1).map(|top| top as u16)
}
