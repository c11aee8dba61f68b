//! The claim of a copy, where several threads copy: a header's word, on which only one forwarding address lands. The model is
//! `models/protocols/forwarding.rs`.
//!
//! - **[forwarding.here-only]** In a pause with several copying threads, a header of from-space is read and written here only.
//! - **[forwarding.copy-first]** Copy first, then claim: who finds a forwarding address finds a whole copy behind it, and nobody ever waits for somebody
//!   else's. The loser forgets its own copy, whose memory it had not taken yet.

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// The word before an object of from-space.
#[repr(transparent)]
pub(crate) struct Forwarding(AtomicPtr<u8>);

impl Forwarding {
    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) fn new(word: *mut u8) -> Self {
        Self(AtomicPtr::new(word))
    }

    /// The word.
    #[inline(always)]
    pub(crate) fn look(&self) -> *mut u8 {
        // Acquire, with the winner's Release in `claim`: the copy behind a forwarding address is whole.
        self.0.load(Ordering::Acquire)
    }

    /// Puts `forwarded`, for a copy that is whole, in the place of `seen`. If somebody else was first: that one's word.
    #[inline(always)]
    pub(crate) fn claim(&self, seen: *mut u8, forwarded: *mut u8) -> Result<(), *mut u8> {
        if mutant::CLAIM_WITHOUT_LOOKING.is_planted() {
            self.0.store(forwarded, Ordering::Release);
            return Ok(());
        }
        // Release: whoever acquires the word finds the copy whole. A failure acquires the winner's.
        let (won, lost) =
            (mutant::RELAXED_CLAIM.weaken(Ordering::Release), mutant::RELAXED_CLAIM.weaken(Ordering::Acquire));
        self.0.compare_exchange(seen, forwarded, won, lost).map(drop)
    }
}
