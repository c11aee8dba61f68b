//! What a root's slot holds: one word, from the moment a value is filed until the slot is free again. The model is
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
//! - **R1** While the root lives, whoever has it changes the word: the one transition out of *live*. What is DROPPED is changed by the
//!   leader of a pause only, what is FREE by the owner.

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
    /// A root that was dropped elsewhere than on its running owner.
    Dropped(T, Kept),
}

/// Where the value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// In the slot.
    Inline,
    /// In memory of its own.
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

    /// The value is written; from here on a scan sees it. The caller is the running owner.
    #[inline(always)]
    pub(crate) fn file(&self, info: &'static T, kept: Kept) {
        let tag = if kept == Kept::Boxed { BOXED } else { 0 };
        // Release, with the Acquire of `look`.
        self.0.store(ptr::from_ref(info).cast_mut().map_addr(|a| a | tag), Ordering::Release);
    }

    /// The root is dropped elsewhere than on its running owner. The slot is not the caller's any more.
    pub(crate) fn drop_elsewhere(&self) {
        let order = if mutant("relaxed_root_drop") { Ordering::Relaxed } else { Ordering::Release };
        // Relaxed load: R1, the caller has the root.
        let word = self.0.load(Ordering::Relaxed);
        // Release, with the Acquire of `look`: nobody uses the value any more.
        self.0.store(word.map_addr(|a| a | DROPPED), order);
    }

    /// The root is dropped elsewhere, and its value is the caller's: the slot holds none. No pause is under way.
    pub(crate) fn take_elsewhere(&self) {
        // Relaxed load: R1, the caller has the root.
        let word = self.0.load(Ordering::Relaxed);
        // Release, with the Acquire of `look`, as for `drop_elsewhere`.
        self.0.store(word.map_addr(|a| (a & !BOXED) | DROPPED), Ordering::Release);
    }

    /// The slot goes to the free list. The caller is the running owner, or the leader of a pause.
    #[inline(always)]
    pub(crate) fn free(&self) {
        // Relaxed: who takes the slot from the list is ordered behind us by the pause, or is us.
        self.0.store(ptr::without_provenance_mut(FREE), Ordering::Relaxed);
    }

    /// What the slot holds.
    #[inline]
    pub(crate) fn look(&self) -> Rooted<&'static T> {
        // Acquire, with the Release of whoever filed or dropped the root.
        let word = self.0.load(Ordering::Acquire);
        let tags = word.addr() & TAGS;
        if tags == FREE {
            return Rooted::Free;
        }
        let kept = if tags & BOXED != 0 { Kept::Boxed } else { Kept::Inline };
        // SAFETY: not free, so it was made of a reference by `file`.
        let info = unsafe { &*word.map_addr(|a| a & !TAGS) };
        if tags & DROPPED != 0 { Rooted::Dropped(info, kept) } else { Rooted::Live(info, kept) }
    }

    /// Whether the slot is in the free list. For the owner.
    pub(crate) fn is_free(&self) -> bool {
        // Relaxed: a slot becomes free, or in use, by the owner or in a pause only.
        self.0.load(Ordering::Relaxed).addr() & TAGS == FREE
    }
}
