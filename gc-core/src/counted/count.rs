//! The counts of one object: how many references exist, which thread counts them in which way, and
//! which thread frees the object. The model is `models/protocols/counted.rs`.
//!
//! Biased reference counting (Choi, Shull, Torrellas 2018). A reference is counted in one of two
//! words. The *owner*, which is the mutator that made the object, counts in `biased`, a plain
//! number. Every other thread counts in `shared`, by read-modify-writes. A reference may be counted
//! up in one word and down in the other, so `shared` may be negative. Only the sum has a meaning.
//!
//! ```text
//!   owner      token of the owner, or MERGED_ALREADY, IMMORTAL, TAKEN
//!   shared     61 bits: references counted by other threads, signed, relative to ZERO │ WEAK │ QUEUED │ MERGED
//!   biased     references counted by the owner
//!   weak       weak handles, plus one for all references together; LOCKED while a thread checks whether it has the only handle
//!
//!   UNMERGED ── the owner releases its last biased count, or a thread with the owner's right merges ──▶ MERGED ── count 0 ──▶ dead
//! ```
//!
//! A thread has the owner's *right* if it is the running owner, holds the owner's state word, or
//! has found that the owner is gone: it has detached, or has renewed its token ([owners.renewed]).
//! In the last two cases the thread takes the lock of the owner's entry in `owners`.
//!
//! - **[count.owner]** `owner` is written, and `biased` is accessed, only with the owner's right. A
//!   token is never used again, so only the owner ever finds its own token in `owner`.
//! - **[count.biased]** While MERGED is not set, `biased` is at least 1, except for the moment
//!   before a thread with the owner's right sets MERGED.
//! - **[count.flags-stay]** MERGED and WEAK are never cleared.
//! - **[count.dead]** An object with MERGED set and a count of 0 is *dead*, and stays so: no
//!   reference is left to be cloned, and `upgrade` refuses.
//! - **[count.one-reclaims]** One read-modify-write makes the object dead, and one thread reclaims
//!   it. If QUEUED is clear, that is the thread of the read-modify-write. If QUEUED is set, it is
//!   the thread that clears QUEUED, so an object is not freed while its owner is being asked about
//!   it. The owner hands the object to the heap's job thread; any other thread reclaims it itself.
//!   (A thread that has the only handle reclaims the object without a read-modify-write: see the
//!   note below.)
//! - **[count.queued]** QUEUED is set by the exchange that makes the count negative. If a later
//!   operation set it, other decrements could make the object dead in between. The thread that sets
//!   QUEUED asks the owner to merge; if it gets the owner's right instead, it clears QUEUED itself.
//! - **[count.weak-first]** WEAK is set before the first weak handle exists.
//!
//! Note [no read-modify-write]. In two cases a load of `shared` proves that a thread has the only
//! handle.
//!
//! The first case: the owner counts `biased` down to 0, and then loads ZERO from `shared`, which is
//! a count of 0 and no flags. Then no reference is left, and no weak handle ever existed. Proof:
//! let *P* be the changes of `shared` up to the loaded value, together with the owner's own
//! counting.
//!
//! 1. If *P* contains the end of a reference, it contains the making of the reference. For the
//!    making comes before the end, in the modification order of `shared` or in the owner's past.
//! 2. The sum of *P* is 0. So, by 1, *P* contains the end of every reference whose making it
//!    contains.
//! 3. A reference whose making is in *P* can be cloned before its end only. That end is in *P*, by 2.
//!    So the clone comes before the end in the modification order of `shared`, or before our load:
//!    the making of the clone is in *P*, too.
//! 4. WEAK is set by a thread that has a reference, before the first weak handle exists. If it were
//!    set, that would be in *P* for the reason in 3, and the loaded value would have the flag. So
//!    no weak handle exists, and none was ever upgraded.
//! 5. By 3 and 4 the making of every reference is in *P*. So is its end, by 2.
//!
//! The load is Acquire and decrements are Release, so what other threads did with the object
//! happens before it is reclaimed.
//!
//! The second case: a thread that has a reference loads a count of 1, MERGED and no other flag.
//! Then it has the only handle, by the same argument with a sum of 1.
//!
//! Not promised: an object whose last reference is dropped by another thread than its owner lives
//! until the owner's next safepoint, `blocked` or detach. Until then a weak handle may be upgraded.

mod unique;
mod weak;

use core::hint::cold_path;

use crate::sync::{
    Plain,
    atomic::{AtomicU32, AtomicU64, Ordering},
    mutant, spin_loop,
};

/// The header of an object.
#[repr(C)]
pub(crate) struct Count {
    owner: AtomicU64,
    shared: AtomicU64,
    biased: Plain<u32>,
    weak: AtomicU32,
}

/// In place of an owner's token: all references are counted in `shared`.
const MERGED_ALREADY: u64 = 1;
/// In place of an owner's token: never counted, never freed.
const IMMORTAL: u64 = 2;
/// In place of an owner's token: the contents have been moved out. The thread that clears QUEUED
/// frees the memory only.
const TAKEN: u64 = 3;
/// The first owner's token. (A thread that runs no mutator compares with 0, which is never in
/// `owner`.)
pub(crate) const FIRST_TOKEN: u64 = 16;

const MERGED: u64 = 1;
const QUEUED: u64 = 2;
const WEAK: u64 = 4;
const FLAGS: u64 = 7;
const ONE: u64 = 8;
/// A count of 0. It lies in the middle of the range, so that the sign bit of `shared` says whether
/// the count is SATURATED. The processor's flags have it already after the addition.
const ZERO: u64 = 1 << 62;

/// One reference to an object that is merged and never had a weak handle.
const ONLY_ONE: u64 = ZERO + ONE + MERGED;

/// A count of at least this is never counted down again: the object is immortal. From one and a
/// half times this on, the count is not counted up either, except by each thread for a moment.
const SATURATED: i64 = 1 << 59;
/// The same for weak handles: the memory is kept.
const WEAK_SATURATED: u32 = 1 << 30;
/// From here on weak handles are not counted up. It lies far above WEAK_SATURATED. If the two were
/// equal, one thread could take its decrement back while another counts down a handle that was
/// never counted up.
const WEAK_FULL: u32 = WEAK_SATURATED + WEAK_SATURATED / 2;
/// In `weak`: a thread checks whether it has the only handle.
const LOCKED: u32 = u32::MAX;
/// The number of references moved from `biased` to `shared` when `biased` overflows.
const SPILL: u32 = 1 << 31;

/// Where a reference is counted down.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The owner has counted it down in `biased`. There are other references.
    Counted,
    /// The owner has counted it down in `biased`, and has to call
    /// [`release_last_biased`](Count::release_last_biased).
    Last,
    /// It is not counted down yet: the caller has to call
    /// [`release_elsewhere`](Count::release_elsewhere).
    Elsewhere,
}

/// What a decrement found.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Released {
    /// The object lives, or another thread reclaims it. The caller must not access it any more.
    Alive,
    /// The object is dead, and the caller has to reclaim it.
    Dead,
    /// As `Dead`, and there never was a weak handle.
    Unshared,
    /// The object may be dead, and the caller has to ask the owner with this token
    /// ([count.queued]).
    Ask(u64),
}

/// What clearing QUEUED found.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settled {
    /// As for [`Released`].
    Alive,
    /// The object is dead, and the caller has to reclaim it.
    Dead,
    /// The object is dead and its contents are gone; the caller has to free the memory.
    Empty,
}

/// Whether a reference is the only one.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Only {
    Yes,
    No,
    /// This thread cannot know: the owner with this token counts for itself.
    Unknown(u64),
}

/// Returns the number of references in a value of `shared`.
fn count(shared: u64) -> i64 {
    shared.wrapping_sub(ZERO).cast_signed() >> 3
}

fn is_token(owner: u64) -> bool {
    owner >= FIRST_TOKEN
}

impl Count {
    /// Returns the counts of a new object with one reference. `current` is the token of the mutator
    /// that this thread runs, or 0.
    #[inline(always)]
    pub(crate) fn new(current: u64) -> Self {
        let of = |owner, shared, biased| Self {
            owner: AtomicU64::new(owner),
            shared: AtomicU64::new(shared),
            biased: Plain::new(biased),
            weak: AtomicU32::new(1),
        };
        if current == 0 {
            // A branch rather than a choice of values: constants are stored two at a time.
            cold_path();
            return of(MERGED_ALREADY, ONLY_ONE, 0);
        }
        of(current, ZERO, 1)
    }

    /// Returns the counts of a new object that is never freed.
    pub(crate) fn immortal() -> Self {
        Self {
            owner: AtomicU64::new(IMMORTAL),
            shared: AtomicU64::new(ONLY_ONE),
            biased: Plain::new(0),
            weak: AtomicU32::new(1),
        }
    }

    /// Counts one reference more. The caller has a reference. On the owner this is a compare, an
    /// increment in memory and a test.
    #[inline(always)]
    pub(crate) fn retain(&self, current: u64) {
        // Relaxed: if it is our token, we wrote it, and it stays while we run ([count.owner]). If it is not, it never will be.
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == current {
            let biased = self.biased.get().wrapping_add(1);
            self.biased.set(biased);
            if biased == 0 {
                self.spill();
            }
        } else {
            self.retain_elsewhere(owner);
        }
    }

    #[inline]
    fn retain_elsewhere(&self, owner: u64) {
        if owner != IMMORTAL {
            // Relaxed: the caller has a reference, and needs to see nothing more to make another, as for `Arc`.
            let before = self.shared.fetch_add(ONE, Ordering::Relaxed);
            if before.wrapping_add(ONE).cast_signed() < 0 {
                self.retained_when_saturated();
            }
        }
    }

    /// Moves half of `biased`, which has just overflowed, to `shared`.
    #[cold]
    #[inline(never)]
    fn spill(&self) {
        // Relaxed: as for `retain_elsewhere`. Only this thread can observe that the sum is wrong for a moment ([count.owner]).
        self.shared.fetch_add(u64::from(SPILL) * ONE, Ordering::Relaxed);
        self.biased.set(SPILL);
    }

    /// Takes back an increment far above SATURATED. (It loads again rather than using the earlier
    /// value: an addition whose result is not used takes half the time.)
    #[cold]
    #[inline(never)]
    fn retained_when_saturated(&self) {
        // Relaxed, both: the object is never freed, so no thread has to see anything by it.
        if count(self.shared.load(Ordering::Relaxed)) > SATURATED + SATURATED / 2 {
            self.shared.fetch_sub(ONE, Ordering::Relaxed);
        }
    }

    /// Takes back a decrement of a count that is SATURATED.
    #[cold]
    #[inline(never)]
    fn released_when_saturated(&self) {
        // Relaxed: as above.
        self.shared.fetch_add(ONE, Ordering::Relaxed);
    }

    /// Counts one reference less. The caller has a reference, and must not use it afterwards. Every
    /// step except [`Step::Counted`] needs a further call. On the owner this is a compare, a
    /// decrement in memory and a test.
    #[inline(always)]
    pub(crate) fn release(&self, current: u64) -> Step {
        // Relaxed: as for `retain`.
        if self.owner.load(Ordering::Relaxed) != current {
            return Step::Elsewhere;
        }
        let biased = self.biased.get().wrapping_sub(1);
        self.biased.set(biased);
        if biased == 0 { Step::Last } else { Step::Counted }
    }

    /// Completes a release after [`Step::Last`]: the owner has dropped the last reference that it
    /// counted.
    #[inline]
    pub(crate) fn release_last_biased(&self) -> Released {
        // Acquire, with the Release of every decrement. See the note [no read-modify-write].
        let shared = self.shared.load(mutant::RELAXED_LAST_BIASED.weaken(Ordering::Acquire));
        if shared == ZERO || (mutant::WEAK_IS_NOT_LOOKED_AT.is_planted() && shared == ZERO + WEAK) {
            return Released::Unshared;
        }
        self.merge_released()
    }

    #[cold]
    #[inline(never)]
    fn merge_released(&self) -> Released {
        // Relaxed: ours to write ([count.owner]). It comes before MERGED is set, as other threads may free the object afterwards.
        self.owner.store(MERGED_ALREADY, Ordering::Relaxed);
        // AcqRel: what the owner did with the object happens before it is reclaimed by any thread. If we reclaim it, what other
        // threads did happens before.
        let before = self.shared.fetch_or(MERGED, Ordering::AcqRel);
        Self::outcome(before)
    }

    /// Returns what a change of `shared` led to. The change left this value, with MERGED set
    /// ([count.one-reclaims]).
    fn outcome(shared: u64) -> Released {
        if count(shared) == 0 && (shared & QUEUED == 0 || mutant::FREED_WHILE_QUEUED.is_planted()) {
            Released::Dead
        } else {
            Released::Alive
        }
    }

    /// Completes a release after [`Step::Elsewhere`].
    #[inline]
    pub(crate) fn release_elsewhere(&self) -> Released {
        // Relaxed: as for `retain`.
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == IMMORTAL {
            return Released::Alive;
        }
        // Acquire, with the Release of every decrement. MERGED stays set ([count.flags-stay]).
        let shared = self.shared.load(mutant::RELAXED_ONLY_ONE.weaken(Ordering::Acquire));
        if shared & MERGED == 0 {
            return self.release_unmerged(owner, shared);
        }
        if shared == ONLY_ONE {
            // See the note [no read-modify-write]: this is the only reference to a merged object.
            return Released::Unshared;
        }
        // Release: what we did with the object happens before it is reclaimed.
        let before = self.shared.fetch_sub(ONE, mutant::RELAXED_RELEASE.weaken(Ordering::Release));
        if count(before) != 1 {
            if count(before) >= SATURATED {
                self.released_when_saturated();
            }
            return Released::Alive;
        }
        let released = Self::outcome(before.wrapping_sub(ONE));
        // Not if QUEUED is set: the thread that clears QUEUED may have freed the object by now ([count.one-reclaims]).
        if released == Released::Dead || mutant::LOOKED_AT_WHEN_IT_IS_GONE.is_planted() {
            // Acquire, with the Release of the earlier decrements, whose release sequence our decrement continues. (A load rather
            // than a fence, as ThreadSanitizer does not see fences.)
            self.shared.load(Ordering::Acquire);
        }
        released
    }

    /// Does the same as [`release_elsewhere`](Self::release_elsewhere), which has loaded `shared`
    /// and found MERGED clear.
    #[inline]
    fn release_unmerged(&self, owner: u64, mut shared: u64) -> Released {
        loop {
            let mut next = shared.wrapping_sub(ONE);
            // If `owner` is not a token, no thread has to be asked: a thread is merging, which has written `owner` and has not set
            // MERGED yet. That read-modify-write comes after this exchange, and finds the count that the exchange leaves.
            let ask = is_token(owner) && count(next) < 0 && next & (MERGED | QUEUED) == 0;
            if ask && !mutant::QUEUED_LATE.is_planted() {
                next |= QUEUED;
            }
            if mutant::ASK_TWICE.is_planted() && is_token(owner) && count(next) < 0 && next & MERGED == 0 {
                let _ = self.shared.compare_exchange(shared, next, Ordering::AcqRel, Ordering::Relaxed);
                return Released::Ask(owner);
            }
            // AcqRel: as for the decrement of a merged object. Release for every decrement, Acquire for the last one.
            match self.shared.compare_exchange(shared, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if ask => {
                    if mutant::QUEUED_LATE.is_planted() {
                        self.shared.fetch_or(QUEUED, Ordering::AcqRel);
                    }
                    return Released::Ask(owner);
                }
                Ok(_) if next & MERGED != 0 => return Self::outcome(next),
                Ok(_) => {
                    if count(shared) >= SATURATED {
                        self.released_when_saturated();
                    }
                    return Released::Alive;
                }
                Err(other) => shared = other,
            }
        }
    }

    /// Merges the counts. The caller has a reference and the owner's right.
    pub(crate) fn merge(&self) {
        // Relaxed: a thread that merged before us had the owner's right before us.
        if self.shared.load(Ordering::Relaxed) & MERGED == 0 {
            let _ = self.add_biased(0);
        }
    }

    /// Merges the counts and clears QUEUED. The caller has the owner's right, and is the thread
    /// that has to clear QUEUED.
    pub(crate) fn flush(&self) -> Settled {
        // Relaxed: the word is ours to read until QUEUED is cleared. Every thread that wrote it had the owner's right before us,
        // and so had the owner if it stored TAKEN.
        let taken = self.owner.load(Ordering::Relaxed) == TAKEN;
        // Relaxed: as for `merge`.
        let after = if self.shared.load(Ordering::Relaxed) & MERGED == 0 {
            self.add_biased(QUEUED) & !QUEUED
        } else {
            // AcqRel: what other threads did with the object happens before it is reclaimed.
            self.shared.fetch_and(!QUEUED, Ordering::AcqRel) & !QUEUED
        };
        match count(after) {
            0 if taken => Settled::Empty,
            0 => Settled::Dead,
            _ => Settled::Alive,
        }
    }

    /// Sets MERGED, moves `biased` to `shared`, and clears the flags in `off`, which are set.
    /// Returns the value left in `shared`.
    fn add_biased(&self, off: u64) -> u64 {
        // We have the owner's right for all three accesses ([count.owner]). They come before MERGED is set, as other threads may
        // free the object afterwards. Relaxed: as `biased`, a plain number.
        let biased = u64::from(self.biased.get());
        self.biased.set(0);
        self.owner.store(MERGED_ALREADY, Ordering::Relaxed);
        let change = (biased * ONE + MERGED).wrapping_sub(off);
        // AcqRel: what the owner and other threads did with the object happens before it is reclaimed, whichever thread reclaims
        // it.
        self.shared.fetch_add(change, Ordering::AcqRel).wrapping_add(change)
    }

    /// Returns the owner that still counts for itself, unless it is the caller.
    pub(crate) fn other_owner(&self, current: u64) -> Option<u64> {
        // Relaxed: as for `retain`.
        Some(self.owner.load(Ordering::Relaxed)).filter(|&owner| is_token(owner) && owner != current)
    }

    /// Returns the number of references, an estimate while other threads count. The references that
    /// another owner counts for itself are taken as 1.
    pub(crate) fn strong(&self, current: u64) -> usize {
        // Relaxed, all: the number is an estimate, or no other thread counts.
        let (owner, shared) = (self.owner.load(Ordering::Relaxed), self.shared.load(Ordering::Relaxed));
        let biased = if owner == current {
            i64::from(self.biased.get())
        } else if owner == IMMORTAL {
            return usize::MAX;
        } else {
            i64::from(shared & MERGED == 0)
        };
        usize::try_from(count(shared) + biased).unwrap_or(0)
    }
}

#[cfg(gc_loom)]
impl Count {
    /// Marks the memory as freed. A thread that uses it afterwards finds a value that makes it
    /// reclaim the object once more.
    pub(crate) fn poison(&self) {
        self.shared.store(ZERO | MERGED | QUEUED, Ordering::Relaxed);
        self.biased.set(0);
        crate::sync::freed(&self.shared);
        crate::sync::freed(&self.owner);
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests;
