//! The word of a root's slot, from the moment a value is filed until the slot is free again. The
//! model is `models/protocols/root_word.rs`.
//!
//! ```text
//!              file                free, by the running owner
//!      FREE ───────────▶ live ────────────────────────────────▶ FREE
//!        ▲                 │ drop_elsewhere: any thread, also in a pause
//!        └── free, by the ─┴─ DROPPED
//!            taker of the chunk's stack
//! ```
//!
//! - **[root-word.one-changer]** While the root lives, only the thread that has the root changes
//!   the word, by the one transition out of *live*. A DROPPED word is changed by that thread until
//!   the slot is on its chunk's stack (`chunk_word`), and then by the thread that takes the stack.
//!   A FREE one is changed by the owner only.

use core::ptr;

use crate::sync::atomic::{AtomicPtr, Ordering};

/// The word of one slot: a pointer to the type of the value, with tags; or, if the root was dropped
/// elsewhere, the slot below it on the chunk's stack.
pub(crate) struct RootWord<T>(AtomicPtr<T>);

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rooted<T> {
    Free,
    /// A root.
    Live(T, Kept),
    /// A root that was not dropped by its running owner, with the slot below it on the stack.
    Dropped(Kept, Option<u16>),
}

/// Where the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// In the slot.
    Inline,
    /// In separate memory.
    Boxed,
}

impl Kept {
    fn tag(self) -> usize {
        if self == Self::Boxed { BOXED } else { 0 }
    }
}

const FREE: usize = 1;
const BOXED: usize = 2;
const DROPPED: usize = 4;
const TAGS: usize = 7;
/// Where the slot below begins, plus one; 0 for none.
const LINK_SHIFT: u32 = 3;

impl<T> RootWord<T> {
    pub(crate) fn free_one() -> Self {
        Self(AtomicPtr::new(ptr::without_provenance_mut(FREE)))
    }

    /// Files a value that is written: from here on a scan sees it. The caller is the running owner.
    #[inline(always)]
    pub(crate) fn file(&self, info: &'static T, kept: Kept) {
        // Release, with the Acquire of `look`.
        self.0.store(ptr::from_ref(info).cast_mut().map_addr(|a| a | kept.tag()), Ordering::Release);
    }

    /// Drops the root for a caller that is not its running owner, and that puts the slot on its
    /// chunk's stack, above `below`. From then on the slot does not belong to the caller. `Inline`:
    /// there is no value left to be dropped.
    pub(crate) fn drop_elsewhere(&self, kept: Kept, below: Option<u16>) {
        let link = below.map_or(0, |below| usize::from(below) + 1) << LINK_SHIFT;
        // Relaxed: the thread that takes the stack is ordered by the chunk's word. Any other finds that no root is here, and reads
        // nothing by that.
        self.0.store(ptr::without_provenance_mut(link | kept.tag() | DROPPED), Ordering::Relaxed);
    }

    /// Makes the word FREE, for the free list. The caller is the running owner, or has taken the
    /// chunk's stack.
    #[inline(always)]
    pub(crate) fn free(&self) {
        // Relaxed: the thread that takes the slot from the free list is ordered after this by the pause, by the pool's lock, or is
        // this thread.
        self.0.store(ptr::without_provenance_mut(FREE), Ordering::Relaxed);
    }

    /// Returns what the slot holds.
    #[inline]
    pub(crate) fn look(&self) -> Rooted<&'static T> {
        // Acquire, with the Release of the thread that filed the root.
        let word = self.0.load(Ordering::Acquire);
        let tags = word.addr() & TAGS;
        if tags == FREE {
            return Rooted::Free;
        }
        let kept = if tags & BOXED != 0 { Kept::Boxed } else { Kept::Inline };
        if tags & DROPPED != 0 {
            return Rooted::Dropped(kept, (word.addr() >> LINK_SHIFT).checked_sub(1).map(|below| below as u16));
        }
        // SAFETY: neither free nor dropped, so `file` made the word of a reference.
        Rooted::Live(unsafe { &*word.map_addr(|a| a & !TAGS) }, kept)
    }
}
