//! The counts of one object: how many references there are, who counts them how, and who frees it. The model is
//! `models/protocols/counted.rs`.
//!
//! Biased reference counting (Choi, Shull, Torrellas 2018). A reference is counted in one of two places: the *owner*, the mutator
//! that made the object, counts in `biased`, a plain number, everybody else in `shared` by read-modify-writes. A reference may be
//! counted up in one place and down in the other, so `shared` may be negative; only the sum means something.
//!
//! ```text
//!   owner      token of the owner, or MERGED_ALREADY, IMMORTAL, TAKEN
//!   shared     61 bits: references counted by others, signed, from ZERO on │ WEAK │ QUEUED │ MERGED
//!   biased     references counted by the owner
//!   weak       weak handles, and one for all references together; LOCKED while somebody looks whether it is the only one
//!
//!   UNMERGED ── the owner lets go, or whoever has its right merges ──▶ MERGED ── count 0 ──▶ dead
//! ```
//!
//! Whoever is the owner, running, or holds the owner's state word, or finds the owner gone (all these take the lock of the owner's
//! entry in `owners` but the running owner), has the owner's *right*.
//!
//! - **[count.owner]** `owner` is changed, and `biased` touched, with the owner's right only. Tokens are never used again, so no thread but the owner ever
//!   finds its own in `owner`.
//! - **[count.biased]** While MERGED is not set, `biased` is at least 1, but for the moment in which whoever has the right is about to set it.
//! - **[count.flags-stay]** MERGED and WEAK are never taken off.
//! - **[count.dead]** MERGED and a count of 0 is *dead*: for ever, as there is no reference to count up, and `upgrade` does not.
//! - **[count.one-reclaims]** One read-modify-write makes it dead. Who does it ends the object, unless QUEUED is set: then who takes QUEUED off does.
//!   So an object that somebody has been asked about is not freed meanwhile. (Who knows to have the only handle ends it without one: the
//!   note below.)
//! - **[count.queued]** QUEUED is set by the decrement that makes the count negative, in the same exchange: one that does not can leave the object
//!   dead by the other counts before it is set. Who sets it asks the owner, or has the right and takes it off.
//! - **[count.weak-first]** WEAK is set before the first weak handle exists.
//!
//! Note [no read-modify-write]. The owner whose `biased` comes to 0, and who then loads ZERO from `shared`, a count of 0 and no flags, has the last
//! reference, and no weak handle ever existed. For let *P* be the changes of `shared` up to the one that was loaded, and add the owner's
//! own counting: the sum is 0, so every reference that these made, they also ended. (What ends one has its making before it, in
//! `shared`'s order or in the owner's past, so it is among them.) A reference that is not among them was cloned from one that is, before
//! that one's end; as that end is among them, so is the clone: it comes before the end in `shared`'s order, or before our load. The
//! same holds for setting WEAK, which comes before any weak handle and so before any upgrade. The load is Acquire, and decrements are
//! Release: what others did with the object comes before its end. The same argument, with a sum of 1, says that who has a reference and
//! loads a count of 1, MERGED and nothing else, has the only handle.
//!
//! What it does not promise: an object whose last reference is dropped elsewhere than by its owner lives on until the owner's next
//! safepoint, `blocked` or end; a weak handle may be upgraded until then.

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

/// In place of an owner: counted in `shared` only.
const MERGED_ALREADY: u64 = 1;
/// In place of an owner: never counted, never freed.
const IMMORTAL: u64 = 2;
/// In place of an owner: the contents have been moved out, who takes QUEUED off frees the memory only.
const TAKEN: u64 = 3;
/// The first owner. (0 is nobody's, and is never in `owner`: what a thread compares with that runs no mutator.)
pub(crate) const FIRST_TOKEN: u64 = 16;

const MERGED: u64 = 1;
const QUEUED: u64 = 2;
const WEAK: u64 = 4;
const FLAGS: u64 = 7;
const ONE: u64 = 8;
/// A count of 0. In the middle, so that the sign of `shared` says whether it is STUCK: a test of what the processor has told already.
const ZERO: u64 = 1 << 62;

/// One reference to an object that is merged, and never had a weak handle.
const ONLY_ONE: u64 = ZERO + ONE + MERGED;

/// A count of so many is never counted down again: the object is immortal. Nor up, from half as many more on, but by each thread for a moment.
const SATURATED: i64 = 1 << 59;
/// As above, for weak handles: the memory is kept.
const WEAK_SATURATED: u32 = 1 << 30;
/// From here on weak handles are not counted up. Far above WEAK_STUCK: were it the same, then while one drop is taken back, another would
/// count down what was never counted up.
const WEAK_FULL: u32 = WEAK_SATURATED + WEAK_SATURATED / 2;
/// In `weak`.
const LOCKED: u32 = u32::MAX;
/// References that are moved from `biased` to `shared` when `biased` is full.
const SPILL: u32 = 1 << 31;

/// Where a decrement is done.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// By the owner. There are other references.
    Counted,
    /// By the owner, which has to [`release_last_biased`](Count::let_go).
    Last,
    /// Not yet: by [`release_elsewhere`](Count::release_elsewhere).
    Elsewhere,
}

/// What a decrement did.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Released {
    /// The object lives, or somebody else ends it. It is not the caller's any more.
    Alive,
    /// The object is dead, and the caller's to end.
    Dead,
    /// As `Dead`, and there never was a weak handle.
    Unshared,
    /// The object may be dead, and the caller has to ask the owner with this token ([count.queued]).
    Ask(u64),
}

/// What taking QUEUED off found.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settled {
    /// As for [`Released`].
    Alive,
    /// The object is dead, and the caller's to end.
    Dead,
    /// The object is dead, its contents gone; the memory is the caller's to free.
    Empty,
}

/// Whether a reference is the only one.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Only {
    Yes,
    No,
    /// As far as this thread may look. The owner with this token counts for itself.
    Unknown(u64),
}

/// The references in a value of `shared`.
fn count(shared: u64) -> i64 {
    shared.wrapping_sub(ZERO).cast_signed() >> 3
}

fn is_token(owner: u64) -> bool {
    owner >= FIRST_TOKEN
}

impl Count {
    /// Of a new object with one reference. `current` is the token of the mutator that this thread runs, or 0.
    #[inline(always)]
    pub(crate) fn new(current: u64) -> Self {
        let of = |owner, shared, biased| Self {
            owner: AtomicU64::new(owner),
            shared: AtomicU64::new(shared),
            biased: Plain::new(biased),
            weak: AtomicU32::new(1),
        };
        if current == 0 {
            // A branch, not a choice of values: constants are stored two at a time.
            cold_path();
            return of(MERGED_ALREADY, ONLY_ONE, 0);
        }
        of(current, ZERO, 1)
    }

    /// Of a new object that is never freed.
    pub(crate) fn immortal() -> Self {
        Self {
            owner: AtomicU64::new(IMMORTAL),
            shared: AtomicU64::new(ONLY_ONE),
            biased: Plain::new(0),
            weak: AtomicU32::new(1),
        }
    }

    /// Counts a reference more. The caller has one. On the owner: a compare, an increment in place, a test.
    #[inline(always)]
    pub(crate) fn retain(&self, current: u64) {
        // Relaxed: if it is our token, we wrote it, and it is ours for as long as we run ([count.owner]); if it is not, it never will be.
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
            // Relaxed: who has a reference needs to see nothing to have another, as for `Arc`.
            let before = self.shared.fetch_add(ONE, Ordering::Relaxed);
            if before.wrapping_add(ONE).cast_signed() < 0 {
                self.retained_when_stuck();
            }
        }
    }

    /// Moves half of `biased`, which has just run over, to `shared`.
    #[cold]
    #[inline(never)]
    fn spill(&self) {
        // Relaxed: as for `retain_elsewhere`. Nobody but us can tell that the sum is wrong for a moment ([count.owner]).
        self.shared.fetch_add(u64::from(SPILL) * ONE, Ordering::Relaxed);
        self.biased.set(SPILL);
    }

    /// Takes back an increment, high above STUCK. (Without the value of before: an addition whose value nobody wants takes half the time.)
    #[cold]
    #[inline(never)]
    fn retained_when_stuck(&self) {
        // Relaxed, both: the object is not freed any more, nobody waits to learn anything.
        if count(self.shared.load(Ordering::Relaxed)) > SATURATED + SATURATED / 2 {
            self.shared.fetch_sub(ONE, Ordering::Relaxed);
        }
    }

    /// Takes back a decrement of a count that is STUCK.
    #[cold]
    #[inline(never)]
    fn released_when_stuck(&self) {
        // Relaxed: as above.
        self.shared.fetch_add(ONE, Ordering::Relaxed);
    }

    /// Counts a reference less. The caller has one, and does not any more. What is not [`Step::Counted`] has another step to go.
    /// On the owner: a compare, a decrement in place, a test.
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

    /// After [`Step::Last`]: the owner has dropped the last reference that it counted.
    #[inline]
    pub(crate) fn release_last_biased(&self) -> Released {
        // Acquire, with the Release of every decrement. Note [no read-modify-write].
        let shared = self.shared.load(mutant::RELAXED_LAST_BIASED.weaken(Ordering::Acquire));
        if shared == ZERO || (mutant::WEAK_IS_NOT_LOOKED_AT.is_planted() && shared == ZERO + WEAK) {
            return Released::Unshared;
        }
        self.let_go_of_the_shared()
    }

    #[cold]
    #[inline(never)]
    fn let_go_of_the_shared(&self) -> Released {
        // Relaxed: ours ([count.owner]), and before MERGED is set: afterwards the object may be freed by others.
        self.owner.store(MERGED_ALREADY, Ordering::Relaxed);
        // AcqRel: what the owner did with the object comes before its end, by whomever, and what others did before ours.
        let before = self.shared.fetch_or(MERGED, Ordering::AcqRel);
        Self::outcome(before)
    }

    /// What a change of `shared` led to that left it at this value, with MERGED set ([count.one-reclaims]).
    fn outcome(shared: u64) -> Released {
        if count(shared) == 0 && (shared & QUEUED == 0 || mutant::FREED_WHILE_QUEUED.is_planted()) {
            Released::Dead
        } else {
            Released::Alive
        }
    }

    /// After [`Step::Elsewhere`].
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
            // Note [no read-modify-write], of the only reference of a merged object.
            return Released::Unshared;
        }
        // Release: what we did with the object comes before its end.
        let before = self.shared.fetch_sub(ONE, mutant::RELAXED_RELEASE.weaken(Ordering::Release));
        if count(before) != 1 {
            if count(before) >= SATURATED {
                self.released_when_stuck();
            }
            return Released::Alive;
        }
        let released = Self::outcome(before.wrapping_sub(ONE));
        // Not if QUEUED is set: who takes it off may have freed the object by now ([count.one-reclaims]).
        if released == Released::Dead || mutant::LOOKED_AT_WHEN_IT_IS_GONE.is_planted() {
            // Acquire, with the Release of the decrements before: ours continues what they began. (A load, not a fence:
            // ThreadSanitizer does not see fences.)
            self.shared.load(Ordering::Acquire);
        }
        released
    }

    /// As above, if MERGED was not set in `shared`.
    #[inline]
    fn release_unmerged(&self, owner: u64, mut shared: u64) -> Released {
        loop {
            let mut next = shared.wrapping_sub(ONE);
            // Where `owner` is none, somebody is about to set MERGED, after this exchange, and will find what it leaves.
            let ask = is_token(owner) && count(next) < 0 && next & (MERGED | QUEUED) == 0;
            if ask && !mutant::QUEUED_LATE.is_planted() {
                next |= QUEUED;
            }
            if mutant::ASK_TWICE.is_planted() && is_token(owner) && count(next) < 0 && next & MERGED == 0 {
                let _ = self.shared.compare_exchange(shared, next, Ordering::AcqRel, Ordering::Relaxed);
                return Released::Ask(owner);
            }
            // AcqRel: as for the decrement of a merged one, the first and the last.
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
                        self.released_when_stuck();
                    }
                    return Released::Alive;
                }
                Err(other) => shared = other,
            }
        }
    }

    /// Merges the counts. The caller has a reference, and the owner's right.
    pub(crate) fn merge(&self) {
        // Relaxed: who merged before us had the right before us.
        if self.shared.load(Ordering::Relaxed) & MERGED == 0 {
            let _ = self.add_biased(0);
        }
    }

    /// Merges the counts and takes QUEUED off. The caller has the owner's right, and answers for QUEUED.
    pub(crate) fn flush(&self) -> Settled {
        // Relaxed: ours to look at until QUEUED is off; it was written with the right, or by who let the object be TAKEN, our thread.
        let taken = self.owner.load(Ordering::Relaxed) == TAKEN;
        // Relaxed: as for `merge`.
        let after = if self.shared.load(Ordering::Relaxed) & MERGED == 0 {
            self.add_biased(QUEUED) & !QUEUED
        } else {
            // AcqRel: what others did with the object comes before its end.
            self.shared.fetch_and(!QUEUED, Ordering::AcqRel) & !QUEUED
        };
        match count(after) {
            0 if taken => Settled::Empty,
            0 => Settled::Dead,
            _ => Settled::Alive,
        }
    }

    /// Sets MERGED, moves `biased` to `shared`, and takes these flags off, which are set. Returns `shared` as it was left.
    fn add_biased(&self, off: u64) -> u64 {
        // With the owner's right ([count.owner]), all, and before MERGED is set, as afterwards the object may be freed by others. Relaxed: as `biased`.
        let biased = u64::from(self.biased.get());
        self.biased.set(0);
        self.owner.store(MERGED_ALREADY, Ordering::Relaxed);
        let change = (biased * ONE + MERGED).wrapping_sub(off);
        // AcqRel: what the owner and others did with the object comes before its end, by whomever.
        self.shared.fetch_add(change, Ordering::AcqRel).wrapping_add(change)
    }

    /// Counts a reference for a weak handle; whether there is something to refer to. The caller has the weak handle.
    #[inline]
    pub(crate) fn upgrade(&self, current: u64) -> bool {
        // Relaxed: as for `retain`.
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == current {
            // Not merged: the owner has a reference ([count.biased]).
            self.retain(current);
            return true;
        }
        if owner == IMMORTAL {
            return true;
        }
        // Relaxed: the exchange tells.
        let mut shared = self.shared.load(Ordering::Relaxed);
        loop {
            if shared & MERGED != 0 && count(shared) == 0 && !mutant::UPGRADE_THE_DEAD.is_planted() {
                return false;
            }
            if count(shared) >= SATURATED {
                return true;
            }
            // Acquire: what was done with the contents by whoever had them exclusively is seen. Relaxed otherwise: nothing is read.
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
        // Relaxed, both: [count.weak-first] is a matter of order, in `shared` itself and before the caller ends its reference.
        if self.shared.load(Ordering::Relaxed) & WEAK == 0 && !mutant::WEAK_FLAG_FORGOTTEN.is_planted() {
            self.shared.fetch_or(WEAK, Ordering::Relaxed);
        }
        // Relaxed: the exchange tells.
        let mut weak = self.weak.load(Ordering::Relaxed);
        loop {
            if weak == LOCKED {
                // Somebody looks whether there is a weak handle: some instructions.
                spin_loop();
                weak = self.weak.load(Ordering::Relaxed);
                continue;
            }
            if weak >= WEAK_FULL {
                return;
            }
            // Acquire, with the Release of who unlocks: it saw our reference, or we see what it wrote to the contents.
            match self.weak.compare_exchange(weak, weak + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => weak = other,
            }
        }
    }

    /// Counts a weak handle more. The caller has one.
    pub(crate) fn retain_weak(&self) {
        // Relaxed: IMMORTAL from the beginning or never.
        if self.owner.load(Ordering::Relaxed) == IMMORTAL {
            return;
        }
        // Relaxed: as for `retain_elsewhere`. Never LOCKED: there is a weak handle.
        if self.weak.fetch_add(1, Ordering::Relaxed) >= WEAK_FULL {
            self.weak.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts a weak handle less; whether the memory is the caller's to free. The caller has one, and does not any more.
    pub(crate) fn release_weak(&self) -> bool {
        // Relaxed: IMMORTAL from the beginning or never.
        self.owner.load(Ordering::Relaxed) != IMMORTAL && self.subtract_weak()
    }

    fn subtract_weak(&self) -> bool {
        // Release: what we did with the memory comes before its end.
        match self.weak.fetch_sub(1, mutant::RELAXED_WEAK.weaken(Ordering::Release)) {
            1 => {
                // Acquire, with the Release of the others.
                self.weak.load(Ordering::Acquire);
                true
            }
            before => {
                if before >= WEAK_SATURATED {
                    // Relaxed: nobody frees it any more.
                    self.weak.fetch_add(1, Ordering::Relaxed);
                }
                false
            }
        }
    }

    /// The contents of a dead object are gone: whether the memory is the caller's to free. The caller ended the object.
    #[inline]
    pub(crate) fn release_memory(&self) -> bool {
        // Relaxed: the object is dead, which we know by an Acquire; whoever set WEAK did so before.
        self.shared.load(Ordering::Relaxed) & WEAK == 0 || self.subtract_weak()
    }

    /// Whether the caller's reference is the only handle, weak ones counted. The caller has it exclusively.
    pub(crate) fn is_only(&self, current: u64) -> Only {
        // Acquire, with the Release of every decrement: what others did comes before what we do. Note [no read-modify-write] has
        // why nobody else has a reference where this value says so, nor, if WEAK is not in it, a weak handle.
        let shared = self.shared.load(Ordering::Acquire);
        if shared & WEAK == 0 {
            // Of the same value: a weak handle may have been made of another reference, and that dropped, since.
            let shared =
                if mutant::WEAK_FLAG_OF_BEFORE.is_planted() { self.shared.load(Ordering::Acquire) } else { shared };
            return self.is_only_strong(current, shared);
        }
        // Acquire, with the Release of weak handles that are gone: what they were upgraded to is seen. Relaxed: nothing is learned.
        if self.weak.compare_exchange(1, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return Only::No;
        }
        // Nobody makes a weak handle now, so nobody upgrades one. Acquire: as above.
        let only = self.is_only_strong(current, self.shared.load(Ordering::Acquire));
        // Release: see `downgrade`.
        self.weak.store(1, Ordering::Release);
        only
    }

    /// As above, of references.
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
            // Somebody is merging; to be told what it finds, ask again.
            return Only::No;
        };
        if count(shared) + biased == 1 { Only::Yes } else { Only::No }
    }

    /// Makes the object dead if the caller's reference is the only one, weak ones not counted: the contents are the caller's to move
    /// out. Whether the memory is to be freed by it, too.
    ///
    /// The reference is gone on `Yes`. `memory` is set to whether the caller has to `release_memory`; if not, whoever takes QUEUED off does.
    pub(crate) fn claim(&self, current: u64, memory: &mut bool) -> Only {
        // Relaxed: the exchange tells.
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
            // What is QUEUED elsewhere may be settled at any moment, by somebody who would take the contents for whole.
            if count(shared) + biased != 1 || (queued && !own) {
                return Only::No;
            }
            let next = ZERO | (shared & FLAGS) | MERGED;
            // AcqRel: what others did with the contents comes before what we do; who frees the memory comes after.
            match self.shared.compare_exchange(shared, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    if own {
                        // Ours ([count.owner]), and not settled before we are at a safepoint. Relaxed: as for `retain`.
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

    /// The owner that still counts for itself, if it is not the caller.
    pub(crate) fn other_owner(&self, current: u64) -> Option<u64> {
        // Relaxed: as for `retain`.
        Some(self.owner.load(Ordering::Relaxed)).filter(|&owner| is_token(owner) && owner != current)
    }

    /// References; an estimate while others count: what another owner counts for itself is told as 1.
    pub(crate) fn strong(&self, current: u64) -> usize {
        // Relaxed, all: an estimate, or nobody else counts.
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

    /// Weak handles; an estimate while others count.
    pub(crate) fn weak(&self) -> usize {
        // Relaxed: an estimate.
        match self.weak.load(Ordering::Relaxed) {
            LOCKED => 0,
            weak => weak as usize - 1,
        }
    }
}

#[cfg(gc_loom)]
impl Count {
    /// The memory is freed: whoever uses it afterwards finds what makes it end the object once more.
    pub(crate) fn poison(&self) {
        self.shared.store(ZERO | MERGED | QUEUED, Ordering::Relaxed);
        self.biased.set(0);
        crate::sync::freed(&self.shared);
        crate::sync::freed(&self.owner);
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests;
