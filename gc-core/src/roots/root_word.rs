//! The word of a root's slot, from the moment a value is filed until the slot is free again. The model is
//! `models/protocols/root_word.rs`.
//!
//! ```text
//!              file                free, by the running owner
//!      FREE ───────────▶ live ────────────────────────────────▶ FREE
//!        ▲                 │ drop_elsewhere: any thread, also in a pause
//!        │                 │ take_elsewhere: with the registry locked, between pauses; the value is gone
//!        └── free, by a scan ── DROPPED
//! ```
//!
//! - **[root-word.one-changer]** While the root lives, only the thread that has the root changes the word, by the one transition
//!   out of *live*. A DROPPED word is changed by the leader of a pause only, a FREE one by the owner only.

use core::ptr;

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// The word of one slot: a pointer to the type of the value, with tags.
pub(crate) struct RootWord<T>(AtomicPtr<T>);

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rooted<T> {
    Free,
    /// A root.
    Live(T, Kept),
    /// A root that was not dropped by its running owner.
    Dropped(T, Kept),
}

/// Where the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// In the slot.
    Inline,
    /// In separate memory.
    Boxed,
}

const FREE: usize = 1;
const BOXED: usize = 2;
const DROPPED: usize = 4;
const TAGS: usize = 7;

impl<T> RootWord<T> {
    pub(crate) fn free_one() -> Self {
        Self(AtomicPtr::new(ptr::without_provenance_mut(FREE)))
    }

    /// Files a value that is written: from here on a scan sees it. The caller is the running owner.
    #[inline(always)]
    pub(crate) fn file(&self, info: &'static T, kept: Kept) {
        let tag = if kept == Kept::Boxed { BOXED } else { 0 };
        // Release, with the Acquire of `look`.
        self.0.store(ptr::from_ref(info).cast_mut().map_addr(|a| a | tag), Ordering::Release);
    }

    /// Drops the root for a caller that is not its running owner. The slot does not belong to the caller any more.
    pub(crate) fn drop_elsewhere(&self) {
        // Relaxed load: [root-word.one-changer], the caller has the root.
        let word = self.0.load(Ordering::Relaxed);
        // Release, with the Acquire of `look`: no thread uses the value any more.
        self.0.store(word.map_addr(|a| a | DROPPED), mutant::RELAXED_ROOT_DROP.weaken(Ordering::Release));
    }

    /// Drops the root for a caller that is not its running owner, and leaves the value to the caller: the slot holds none. No
    /// pause is under way.
    pub(crate) fn take_elsewhere(&self) {
        // Relaxed load: [root-word.one-changer], the caller has the root.
        let word = self.0.load(Ordering::Relaxed);
        // Release, with the Acquire of `look`, as for `drop_elsewhere`.
        self.0.store(word.map_addr(|a| (a & !BOXED) | DROPPED), Ordering::Release);
    }

    /// Makes the word FREE, for the free list. The caller is the running owner, or the leader of a pause.
    #[inline(always)]
    pub(crate) fn free(&self) {
        // Relaxed: the thread that takes the slot from the free list is ordered after this by the pause, or is this thread.
        self.0.store(ptr::without_provenance_mut(FREE), Ordering::Relaxed);
    }

    /// Returns what the slot holds.
    #[inline]
    pub(crate) fn look(&self) -> Rooted<&'static T> {
        // Acquire, with the Release of the thread that filed or dropped the root.
        let word = self.0.load(Ordering::Acquire);
        let tags = word.addr() & TAGS;
        if tags == FREE {
            return Rooted::Free;
        }
        let kept = if tags & BOXED != 0 { Kept::Boxed } else { Kept::Inline };
        // SAFETY: not free, so `file` made the word of a reference.
        let info = unsafe { &*word.map_addr(|a| a & !TAGS) };
        if tags & DROPPED != 0 { Rooted::Dropped(info, kept) } else { Rooted::Live(info, kept) }
    }

    /// Returns whether the slot is in the free list. Called by the owner.
    pub(crate) fn is_free(&self) -> bool {
        // Relaxed: only the owner or a pause makes a slot free or takes it into use.
        self.0.load(Ordering::Relaxed).addr() & TAGS == FREE
    }
}
