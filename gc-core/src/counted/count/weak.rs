//! Weak handles: their own count, and references that are made from them.

use super::*;

impl Count {
    /// Counts a reference for a weak handle that the caller has. Returns whether the object was
    /// alive and so a reference was counted.
    #[inline]
    pub(crate) fn upgrade(&self, current: u64) -> bool {
        // Relaxed: as for `retain`.
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == current {
            // Not merged, so the owner has a reference ([count.biased]).
            self.retain(current);
            return true;
        }
        if owner == IMMORTAL {
            return true;
        }
        // Relaxed: the exchange checks the value.
        let mut shared = self.shared.load(Ordering::Relaxed);
        loop {
            if shared & MERGED != 0 && count(shared) == 0 && !mutant::UPGRADE_THE_DEAD.is_planted() {
                return false;
            }
            if count(shared) >= SATURATED {
                return true;
            }
            // Acquire: we see what a thread with exclusive access did to the contents. Relaxed on failure: nothing is read.
            match self.shared.compare_exchange(shared, shared.wrapping_add(ONE), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => shared = other,
            }
        }
    }

    /// Counts a weak handle. The caller has a reference.
    pub(crate) fn downgrade(&self) {
        // Relaxed: IMMORTAL from the beginning or never.
        if self.owner.load(Ordering::Relaxed) == IMMORTAL {
            return;
        }
        // Relaxed, both: [count.weak-first] needs only the modification order of `shared`, and the order before the caller's
        // release of its reference.
        if self.shared.load(Ordering::Relaxed) & WEAK == 0 && !mutant::WEAK_FLAG_FORGOTTEN.is_planted() {
            self.shared.fetch_or(WEAK, Ordering::Relaxed);
        }
        // Relaxed: the exchange checks the value.
        let mut weak = self.weak.load(Ordering::Relaxed);
        loop {
            if weak == LOCKED {
                // A thread is checking whether it has the only handle. That takes a few instructions.
                spin_loop();
                weak = self.weak.load(Ordering::Relaxed);
                continue;
            }
            if weak >= WEAK_FULL {
                return;
            }
            // Acquire, with the Release of the thread that unlocks. Either that thread saw our reference, or we see what it wrote
            // to the contents.
            match self.weak.compare_exchange(weak, weak + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => weak = other,
            }
        }
    }

    /// Counts one weak handle more. The caller has a weak handle.
    pub(crate) fn retain_weak(&self) {
        // Relaxed: IMMORTAL from the beginning or never.
        if self.owner.load(Ordering::Relaxed) == IMMORTAL {
            return;
        }
        // Relaxed: as for `retain_elsewhere`. Never LOCKED, as there is a weak handle.
        if self.weak.fetch_add(1, Ordering::Relaxed) >= WEAK_FULL {
            self.weak.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts one weak handle less. Returns whether the caller has to free the memory. The caller
    /// has a weak handle, and must not use it afterwards.
    pub(crate) fn release_weak(&self) -> bool {
        // Relaxed: IMMORTAL from the beginning or never.
        self.owner.load(Ordering::Relaxed) != IMMORTAL && self.subtract_weak()
    }

    fn subtract_weak(&self) -> bool {
        // Release: what we did with the memory happens before it is freed.
        match self.weak.fetch_sub(1, mutant::RELAXED_WEAK.weaken(Ordering::Release)) {
            1 => {
                // Acquire, with the Release of the other handles' decrements.
                self.weak.load(Ordering::Acquire);
                true
            }
            before => {
                if before >= WEAK_SATURATED {
                    // Relaxed: the memory is never freed, so no thread has to see anything by it.
                    self.weak.fetch_add(1, Ordering::Relaxed);
                }
                false
            }
        }
    }

    /// Releases the weak count of all references together: the contents of a dead object are gone.
    /// Returns whether the caller, which reclaimed the object, has to free the memory.
    #[inline]
    pub(crate) fn release_memory(&self) -> bool {
        // Relaxed: we know by an Acquire that the object is dead, and WEAK was set before that.
        self.shared.load(Ordering::Relaxed) & WEAK == 0 || self.subtract_weak()
    }

    /// Returns the number of weak handles, an estimate while other threads count.
    pub(crate) fn weak(&self) -> usize {
        // Relaxed: the number is an estimate.
        match self.weak.load(Ordering::Relaxed) {
            LOCKED => 0,
            weak => weak as usize - 1,
        }
    }
}
