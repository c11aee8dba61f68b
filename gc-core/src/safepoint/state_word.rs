//! The word that says whether a mutator may touch the heap: [safepoint.running], [safepoint.rmw]
//! and [safepoint.no-new-runners] to [safepoint.asked]. All read-modify-writes of the word are in
//! this file.

use crate::sync::{
    atomic::{AtomicUsize, Ordering},
    mutant,
};

/// The state word of one mutator.
pub(crate) struct StateWord {
    word: AtomicUsize,
    /// The mutator's number, for reports.
    pub(super) number: u32,
}

/// The outcome of [`StateWord::hold`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// The owner does not run, and will not before `Rendezvous::release` ([safepoint.held]).
    Held,
    /// The owner runs, and was asked.
    Asked {
        /// No other thread had asked before: the caller has to raise the owner's poll.
        first: bool,
    },
}

/// The outcome of [`StateWord::resume`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Resumed {
    /// The word is RUNNING.
    Running,
    /// STOP or HELD is set.
    Waits,
    /// The owner has to rejoin the members first ([safepoint.dormant]).
    Dormant,
}

/// How a word left RUNNING.
pub(super) struct Left {
    pub(super) stopping: bool,
    /// [safepoint.asked].
    pub(super) asked: bool,
}

impl StateWord {
    pub(crate) fn running(number: u32) -> Self {
        Self { word: AtomicUsize::new(RUNNING), number }
    }

    /// Returns the word of a thread that does not touch the heap yet.
    pub(crate) fn blocked(number: u32) -> Self {
        Self { word: AtomicUsize::new(BLOCKED), number }
    }

    /// Returns whether the mutator is a straggler: a stop has begun, and it is still RUNNING.
    pub(crate) fn is_straggler(&self) -> bool {
        // Relaxed: for a report.
        self.word.load(Ordering::Relaxed) & (STATE | STOP) == RUNNING | STOP
    }

    /// Returns whether the mutator is RUNNING, by a read-modify-write ([safepoint.due]).
    pub(super) fn is_running(&self) -> bool {
        // AcqRel: the owner that leaves RUNNING later sees what the caller wrote before.
        self.word.fetch_or(0, Ordering::AcqRel) & STATE == RUNNING
    }

    /// Returns whether the mutator is RUNNING. Called by the owner, who alone changes that.
    pub(crate) fn owner_runs(&self) -> bool {
        // Relaxed: what the owner itself wrote.
        self.word.load(Ordering::Relaxed) & STATE == RUNNING
    }

    /// Changes the word if it is `from`. AcqRel: the leader sees what the thread wrote to the heap
    /// before it left RUNNING. A thread that becomes RUNNING sees what the leader wrote.
    #[inline(always)]
    pub(super) fn change(&self, from: usize, to: usize) -> bool {
        self.word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Sets STOP. Returns whether the mutator was RUNNING.
    pub(super) fn set_stop(&self) -> bool {
        // AcqRel: the writes of a BLOCKED or PARKED owner are seen (its Release is in `change`).
        let before = self.word.fetch_or(STOP, Ordering::AcqRel);
        debug_assert!(before & STOP == 0, "two stops at once");
        before & STATE == RUNNING
    }

    pub(super) fn clear_stop(&self) {
        // AcqRel: a thread that becomes RUNNING sees what the leader wrote.
        self.word.fetch_and(!STOP, mutant::RELAXED_RESUME.weaken(Ordering::AcqRel));
    }

    /// Leaves RUNNING. Returns `None` if the word is not RUNNING, or, with `only_to_stop`, if STOP
    /// is not set. Called by the owner.
    pub(super) fn leave_running(&self, to: usize, only_to_stop: bool) -> Option<Left> {
        let mut now = if only_to_stop { RUNNING | STOP } else { RUNNING };
        loop {
            // AcqRel: as for `change`.
            match self.word.compare_exchange(now, to | (now & STOP), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Left { stopping: now & STOP != 0, asked: now & ASKED != 0 }),
                Err(other) if other & STATE != RUNNING || (only_to_stop && other & STOP == 0) => return None,
                Err(other) => now = other,
            }
        }
    }

    /// Makes the word RUNNING, unless STOP or HELD is set or the owner is dormant. Called by the
    /// owner, which sleeps afterwards if it `sleeps`: then it has the park lock, and the thread
    /// that clears STOP or HELD wakes it.
    pub(super) fn resume(&self, from: usize, sleeps: bool) -> Resumed {
        let mut now = from;
        loop {
            let next = if now & DORMANT != 0 && !mutant::DORMANT_RUNS_AT_ONCE.is_planted() {
                return Resumed::Dormant;
            } else if now & (STOP | HELD) == 0 {
                RUNNING
            } else if sleeps && now & HELD != 0 && now & WAITS == 0 {
                now | WAITS
            } else {
                return Resumed::Waits;
            };
            // AcqRel: as for `change`; the writes of a holding thread are seen (its Release is in `end_hold`).
            match self.word.compare_exchange(now, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if next == RUNNING => return Resumed::Running,
                Ok(_) => return Resumed::Waits,
                Err(other) => now = other,
            }
        }
    }

    /// Makes a mutator that is BLOCKED dormant, if it was BLOCKED at the ends of [`STOPS_BEFORE`]
    /// stops before and has not run since. Returns whether it is dormant now. STOP is set, and the
    /// caller is the leader.
    pub(super) fn fall_dormant(&self) -> bool {
        // Relaxed: neither the state nor SEEN changes while STOP is set ([safepoint.no-new-runners]).
        let now = self.word.load(Ordering::Relaxed);
        if now & STATE != BLOCKED {
            return false;
        }
        let falls = now & SEEN == STOPS_BEFORE * ONCE;
        // AcqRel: a read-modify-write ([safepoint.rmw]); the registry's lock orders what the leader and the owner do.
        self.word.fetch_add(if falls { DORMANT } else { ONCE }, Ordering::AcqRel);
        falls
    }

    /// Returns whether the mutator is dormant. The caller has the registry lock.
    pub(super) fn is_dormant(&self) -> bool {
        // Relaxed: it changes under that lock.
        self.word.load(Ordering::Relaxed) & DORMANT != 0
    }

    /// Ends dormancy. Called by the owner, with the registry lock.
    pub(super) fn end_dormancy(&self) {
        // AcqRel: as for `fall_dormant`.
        self.word.fetch_and(!(DORMANT | SEEN), Ordering::AcqRel);
    }

    /// Holds the word, or asks its owner. The caller has a lock, under which the owner also reads
    /// what it was asked for.
    pub(crate) fn hold(&self) -> Hold {
        // Relaxed: the exchange decides, or an ASKED that this reads. The owner may have cleared that ASKED meanwhile, but it has
        // not read the requests yet, and will find the caller's. For it reads them under the lock that the caller has; if it had
        // done so before, this would read the cleared bit.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            let running = now & STATE == RUNNING && !mutant::HOLD_THE_RUNNING.is_planted();
            if running && now & ASKED != 0 {
                return Hold::Asked { first: false };
            }
            let next = now | if running { ASKED } else { HELD };
            // AcqRel: what the owner wrote while it was RUNNING is seen (its Release is in `change`).
            match self.word.compare_exchange(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if running => return Hold::Asked { first: true },
                Ok(_) => {
                    debug_assert!(now & HELD == 0, "held twice at a time");
                    return Hold::Held;
                }
                Err(other) => now = other,
            }
        }
    }

    /// Holds the word, unless its owner runs. Returns whether it is held. The caller has the lock,
    /// as for `hold`.
    pub(crate) fn hold_if_away(&self) -> bool {
        // Relaxed, as for `hold`.
        let mut now = self.word.load(Ordering::Relaxed);
        while now & STATE != RUNNING {
            // AcqRel: as for `hold`.
            match self.word.compare_exchange(now, now | HELD, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    debug_assert!(now & HELD == 0, "held twice at a time");
                    return true;
                }
                Err(other) => now = other,
            }
        }
        false
    }

    /// Clears ASKED. Called by the running owner, which then reads what it was asked for.
    pub(crate) fn take_asked(&self) {
        // AcqRel: a read-modify-write ([safepoint.rmw]); the lock of the requests orders them.
        self.word.fetch_and(!ASKED, Ordering::AcqRel);
    }

    /// Clears HELD. Returns whether the owner waits for that.
    pub(super) fn end_hold(&self) -> bool {
        // AcqRel: the owner, which becomes RUNNING by an exchange, sees what the holding thread wrote.
        self.word.fetch_and(!HELD, Ordering::AcqRel) & WAITS != 0
    }

    /// Makes the owner RUNNING or BLOCKED, with nothing else set. No other thread exists that could
    /// touch the word.
    pub(crate) fn reset(&self, runs: bool) {
        // Relaxed: there is no other thread.
        self.word.store(if runs { RUNNING } else { BLOCKED }, Ordering::Relaxed);
    }

    /// Makes the owner RUNNING, whatever is set. Only a mutant does this.
    pub(super) fn resume_without_waiting(&self) {
        self.word.fetch_and(STOP | HELD, Ordering::AcqRel);
    }
}

pub(super) const RUNNING: usize = 0;
pub(super) const BLOCKED: usize = 1;
pub(super) const PARKED: usize = 2;
const STATE: usize = 3;
const STOP: usize = 16;
/// [safepoint.asked].
const ASKED: usize = 32;
/// [safepoint.held].
const HELD: usize = 64;
/// The owner sleeps until HELD is cleared.
const WAITS: usize = 128;
/// At the ends of how many stops the owner was BLOCKED, and has not run since: so many times
/// [`ONCE`].
const SEEN: usize = 3 * ONCE;
const ONCE: usize = 256;
/// [safepoint.dormant].
const DORMANT: usize = 1024;
/// So many stops find a mutator BLOCKED before one lets it fall dormant: more than a full
/// collection has that it waits for.
const STOPS_BEFORE: usize = if cfg!(any(gc_loom, gc_shuttle)) { 1 } else { 3 };
