//! The claim of a copy, while several threads copy: one header word, in which one forwarding
//! address is installed. The model is `models/protocols/forwarding.rs`.
//!
//! - **[forwarding.here-only]** In a pause with several copying threads, a header in from-space is
//!   read and written here only.
//! - **[forwarding.copy-first]** A thread copies first, then claims. So a thread that finds a
//!   forwarding address finds a whole copy behind it, and no thread waits for another's copy. The
//!   thread that loses the claim drops its own copy, whose memory it had not taken yet.

use crate::sync::{
    atomic::{AtomicPtr, Ordering},
    mutant,
};

/// The word before an object in from-space.
#[repr(transparent)]
pub(crate) struct Forwarding(AtomicPtr<u8>);

impl Forwarding {
    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) fn new(word: *mut u8) -> Self {
        Self(AtomicPtr::new(word))
    }

    /// Reads the word.
    #[inline(always)]
    pub(crate) fn look(&self) -> *mut u8 {
        // Acquire, with the winner's Release in `claim`: the copy behind a forwarding address is whole.
        self.0.load(Ordering::Acquire)
    }

    /// Replaces `seen` by `forwarded`, the forwarding word to a copy that is whole. If another
    /// thread was first, returns that thread's word.
    #[inline(always)]
    pub(crate) fn claim(&self, seen: *mut u8, forwarded: *mut u8) -> Result<(), *mut u8> {
        if mutant::CLAIM_WITHOUT_LOOKING.is_planted() {
            self.0.store(forwarded, Ordering::Release);
            return Ok(());
        }
        // Release: a thread that acquires the word finds the copy whole. A failure acquires the winner's word.
        let (won, lost) =
            (mutant::RELAXED_CLAIM.weaken(Ordering::Release), mutant::RELAXED_CLAIM.weaken(Ordering::Acquire));
        self.0.compare_exchange(seen, forwarded, won, lost).map(drop)
    }
}
