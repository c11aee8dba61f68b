//! Who drops which value of a part: its thread claims one value after the other, until another
//! thread takes what is left. The model is `models/protocols/claims.rs`.
//!
//! - **[claims.once]** Each value is claimed by the thread of the part, or is among those that were
//!   taken; never both. Each step is one read-modify-write of one word: the thread's fails from the
//!   moment on at which the rest was taken.
//! - **[claims.done]** A thread claims a value when it has dropped those before. So a thread that
//!   sees a claim sees what these destructors did.
//!
//! A claim costs one uncontended atomic operation, some 5 ns. A destructor that never returns costs
//! itself and no other value, because no thread claims more than it is dropping.

use crate::sync::{
    atomic::{AtomicUsize, Ordering},
    mutant,
};

/// The claims of one part: the index behind the last value that is claimed, and whether the rest
/// was taken.
pub(crate) struct Claims(AtomicUsize);

const TAKEN: usize = 1 << (usize::BITS - 1);

impl Claims {
    /// Returns the claims of a part whose first value is `first`.
    pub(crate) fn new(first: usize) -> Self {
        Self(AtomicUsize::new(first))
    }

    /// Claims the value `index` for the thread of the part, which has dropped all values before.
    /// Returns whether it is the thread's: not if the rest was taken.
    #[inline(always)]
    #[must_use]
    pub(crate) fn claim(&self, index: usize) -> bool {
        if mutant::CLAIM_BY_LOAD_AND_STORE.is_planted() {
            let free = self.0.load(Ordering::Relaxed) == index;
            if free {
                self.0.store(index + 1, Ordering::Release);
            }
            return free;
        }
        // Release, with the Acquire in `claimed` ([claims.done]). Relaxed if it fails: the thread touches no value of the rest.
        let order = mutant::RELAXED_DONE.weaken(Ordering::Release);
        self.0.compare_exchange(index, index + 1, order, Ordering::Relaxed).is_ok()
    }

    /// Takes what is not claimed yet. Returns the index of its first value. Called once, by one
    /// thread at a time.
    #[must_use]
    pub(crate) fn take_rest(&self) -> usize {
        // Acquire: as in `claimed`. The values themselves were written before the part was shared.
        self.0.fetch_or(TAKEN, Ordering::Acquire) & !TAKEN
    }

    /// Returns the index behind the last value that is claimed.
    pub(crate) fn claimed(&self) -> usize {
        // Acquire, with the Release in `claim`: the destructors of all values before the last one have returned, and are seen
        // ([claims.done]).
        self.0.load(Ordering::Acquire) & !TAKEN
    }
}
