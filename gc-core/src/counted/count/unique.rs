//! Whether a reference is the only one, and taking the contents of an object by it.

use super::*;

impl Count {
    /// Returns whether the caller's reference is the only handle, weak handles included. The caller
    /// has exclusive access to the reference.
    pub(crate) fn is_only(&self, current: u64) -> Only {
        // Acquire, with the Release of every decrement: what other threads did happens before what we do. If this value says so,
        // no other reference exists. If WEAK is clear in it, no weak handle exists either. The proof is in the note
        // [no read-modify-write].
        let shared = self.shared.load(Ordering::Acquire);
        if shared & WEAK == 0 {
            // The same value must say both. Since it was loaded, a weak handle may have been made of another reference, and that
            // reference dropped.
            let shared =
                if mutant::WEAK_FLAG_OF_BEFORE.is_planted() { self.shared.load(Ordering::Acquire) } else { shared };
            return self.is_only_strong(current, shared);
        }
        // Acquire, with the Release of the weak handles that are gone: we see the references that they were upgraded to. Relaxed
        // on failure: nothing is learned.
        if self.weak.compare_exchange(1, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return Only::No;
        }
        // No weak handle can be made now, so none can be upgraded. Acquire: as above.
        let only = self.is_only_strong(current, self.shared.load(Ordering::Acquire));
        // Release: see `downgrade`.
        self.weak.store(1, Ordering::Release);
        only
    }

    /// Does the same for references only.
    fn is_only_strong(&self, current: u64, shared: u64) -> Only {
        // Relaxed: as for `retain`.
        let owner = self.owner.load(Ordering::Relaxed);
        let biased = if owner == current {
            i64::from(self.biased.get())
        } else if owner == IMMORTAL {
            return Only::No;
        } else if shared & MERGED != 0 {
            0
        } else if is_token(owner) {
            return Only::Unknown(owner);
        } else {
            // A thread is merging. The caller may try again to see what that thread finds.
            return Only::No;
        };
        if count(shared) + biased == 1 { Only::Yes } else { Only::No }
    }

    /// Makes the object dead if the caller's reference is the only one, not counting weak handles.
    /// The contents are then the caller's to move out.
    ///
    /// On `Yes` the reference is gone. `memory` is set to whether the caller has to call
    /// `release_memory`. If not, the thread that clears QUEUED does so.
    pub(crate) fn claim(&self, current: u64, memory: &mut bool) -> Only {
        // Relaxed: the exchange checks the value.
        let mut shared = self.shared.load(Ordering::Relaxed);
        loop {
            // Relaxed: as for `retain`.
            let owner = self.owner.load(Ordering::Relaxed);
            let own = owner == current;
            let biased = if own {
                i64::from(self.biased.get())
            } else if owner == IMMORTAL {
                return Only::No;
            } else if shared & MERGED == 0 {
                return if is_token(owner) { Only::Unknown(owner) } else { Only::No };
            } else {
                0
            };
            let queued = shared & QUEUED != 0;
            // If QUEUED is set, another thread may merge the counts at any moment, and would take the contents for valid.
            if count(shared) + biased != 1 || (queued && !own) {
                return Only::No;
            }
            let next = ZERO | (shared & FLAGS) | MERGED;
            // AcqRel: what other threads did with the contents happens before what we do. What we do happens before the memory is
            // freed.
            match self.shared.compare_exchange(shared, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    if own {
                        // Ours to write ([count.owner]): QUEUED is not cleared before we reach a safepoint. Relaxed: as for
                        // `retain`.
                        self.biased.set(0);
                        self.owner.store(if queued { TAKEN } else { MERGED_ALREADY }, Ordering::Relaxed);
                    }
                    *memory = !queued;
                    return Only::Yes;
                }
                Err(other) => shared = other,
            }
        }
    }
}
