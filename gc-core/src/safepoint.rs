//! Safepoints: what a mutator polls, the word that says whether it may touch the heap, and how the world is stopped.
//!
//! ```text
//!                    enter_blocked
//!      RUNNING ───────────────────────▶ BLOCKED       in `blocked`, detaching, or leading a stop
//!       │   ▲  ◀───────────────────────               leave_blocked: waits while STOP is set
//!  park │   │ STOP is cleared
//!       ▼   │
//!      PARKED                                         beside each state the STOP bit: the world is being stopped
//! ```
//!
//! - **S1** A thread touches the heap only while its mutator is RUNNING.
//! - **S2** Words change by read-modify-writes only.
//! - **S3** STOP is set and cleared under the park lock, for all members of one stop together.
//! - **S4** `waiting_for` is the number of members that were RUNNING when STOP was set and are so still. Only the transition out of
//!   `RUNNING | STOP`, under the park lock, takes one off.
//! - **S5** While STOP is set, no word becomes RUNNING.
//! - **S6** HELD is set only in a word that is not RUNNING, by one holder at a time, and no word becomes RUNNING while it is: what the
//!   owner alone may touch while it runs, the holder may touch meanwhile.
//! - **S7** ASKED is set only in a word that is RUNNING. Whoever ends that takes it off, and learns of it.
//!
//! The protocol:
//!
//! 1. The requester makes itself BLOCKED, and only then takes the registry lock, which makes it the leader. So whoever else
//!    asks waits for the lock as a blocked thread, which nobody waits for.
//! 2. Under the park lock the leader sets STOP in every word, counts those that were RUNNING and raises their polls.
//! 3. It waits until `waiting_for` is 0: briefly spinning, then asleep, reporting who is late.
//! 4. S1, S4, S5: nobody touches the heap now. The leader collects.
//! 5. Under the park lock it clears STOP everywhere and wakes who sleeps.
//!
//! BLOCKED threads are never woken, and none is required to run. The model is `models/protocols/safepoint.rs`; what a stop changes for
//! those that go on is modelled in `models/protocols/ranges.rs`.
//!
//! Counted references need a mutator's thread for a moment, too, without a stop: whoever asks *holds* the word if the thread does not
//! run, and else asks it to look at its next safepoint, or when it leaves RUNNING (`counted::owners`, `models/protocols/counted.rs`). A
//! hold lasts some instructions, and is no reason for anybody but the owner to wait.

use core::time::Duration;
use std::time::Instant;

use crate::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicUsize, Ordering},
    mutant, spin_loop, spins,
};

/// What a mutator looks at in `safepoint()`: nothing asked, or why to take the slow path.
pub(crate) struct Poll(AtomicU32);

/// Why a safepoint must take the slow path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason(u32);

impl Reason {
    /// A young collection is due: the young budget is used up, what objects hold elsewhere makes it due, or stress does. For the marker,
    /// which has no young generation: it is asked for something other than marking.
    pub(crate) const YOUNG: Self = Self(1);
    /// An allocation was refused, by the hard limit, the reservation or the system: only a full collection can help.
    pub(crate) const FULL: Self = Self(2);
    /// Testing: every safepoint is looked at.
    pub(crate) const STRESS: Self = Self(4);
    /// The world is being stopped.
    pub(crate) const STOP: Self = Self(8);
    /// The remembered set is full.
    pub(crate) const REMEMBERED: Self = Self(16);
    /// Another thread asked for counts to be merged.
    pub(crate) const MERGE: Self = Self(32);

    #[inline]
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Poll {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// One plain load.
    #[inline(always)]
    pub(crate) fn is_raised(&self) -> bool {
        // Relaxed: a hint to take the slow path, which synchronises by the state word.
        self.0.load(Ordering::Relaxed) != 0
    }

    #[cold]
    pub(crate) fn raise(&self, reason: Reason) {
        // Relaxed: as for `is_raised`.
        self.0.fetch_or(reason.0, Ordering::Relaxed);
    }

    /// What is asked for no more, after a collection. The world is stopped.
    pub(crate) fn lower(&self, reason: Reason) {
        // Relaxed: the owner does not run, and learns by being let go on.
        self.0.fetch_and(!reason.0, Ordering::Relaxed);
    }

    /// What was asked for; nothing is from now on.
    ///
    /// A STOP that is taken here finds its bit in the word: the leader sets that first (both are read-modify-writes of
    /// which this one is the later). One that is raised after it makes the next safepoint slow.
    pub(crate) fn take(&self) -> Reason {
        // Acquire, with the Release half of the leader's raise: so the word's STOP is seen.
        Reason(self.0.swap(0, Ordering::Acquire))
    }

    /// Raises STOP, behind the word's bit.
    fn raise_stop(&self) {
        // Release: see `take`.
        self.0.fetch_or(Reason::STOP.0, Ordering::Release);
    }

    /// Raises MERGE, behind the word's ASKED.
    #[cold]
    pub(crate) fn raise_merge(&self) {
        // Release, with the Acquire of `take`: who takes it sees ASKED, and takes that off.
        self.0.fetch_or(Reason::MERGE.0, Ordering::Release);
    }
}

/// The state word of one mutator.
pub(crate) struct StateWord {
    word: AtomicUsize,
    /// The mutator's number, for reports.
    number: u32,
}

const RUNNING: usize = 0;
const BLOCKED: usize = 1;
const PARKED: usize = 2;
const STATE: usize = 3;
const STOP: usize = 16;
/// S7.
const ASKED: usize = 32;
/// S6.
const HELD: usize = 64;
/// The owner sleeps until HELD is taken off.
const WAITS: usize = 128;

/// What asking for a mutator's thread led to.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// The thread does not run, and will not before `World::release` (S6).
    Held,
    /// It runs, and was asked.
    Asked {
        /// Nobody else had asked: its poll has to be raised.
        first: bool,
    },
}

/// How a word left RUNNING.
struct Left {
    stopping: bool,
    /// S7.
    asked: bool,
}

/// What a stop acts on: a mutator's word and poll.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) word: &'a StateWord,
    pub(crate) poll: &'a Poll,
}

impl StateWord {
    pub(crate) fn running(number: u32) -> Self {
        Self { word: AtomicUsize::new(RUNNING), number }
    }

    /// The word of a thread that does not touch the heap yet.
    pub(crate) fn blocked(number: u32) -> Self {
        Self { word: AtomicUsize::new(BLOCKED), number }
    }

    /// Whether the mutator has not heeded the stop yet.
    pub(crate) fn is_late(&self) -> bool {
        // Relaxed: for a report.
        self.word.load(Ordering::Relaxed) & (STATE | STOP) == RUNNING | STOP
    }

    /// Changes the word if it is `from`. AcqRel: what the thread wrote to the heap before it stops being RUNNING is seen by
    /// the leader, what the leader wrote by whoever becomes RUNNING.
    #[inline(always)]
    fn change(&self, from: usize, to: usize) -> bool {
        self.word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Sets STOP. Whether the mutator was RUNNING.
    fn set_stop(&self) -> bool {
        // AcqRel: a BLOCKED or PARKED owner's writes are seen (its Release is in `change`).
        let before = self.word.fetch_or(STOP, Ordering::AcqRel);
        debug_assert!(before & STOP == 0, "two stops at once");
        before & STATE == RUNNING
    }

    fn clear_stop(&self) {
        // AcqRel: whoever becomes RUNNING sees what the leader wrote.
        self.word.fetch_and(!STOP, mutant::RELAXED_RESUME.weaken(Ordering::AcqRel));
    }

    /// Leaves RUNNING; `None` if the word is not RUNNING, or, with `only_to_stop`, if STOP is not set. For the owner.
    fn leave_running(&self, to: usize, only_to_stop: bool) -> Option<Left> {
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

    /// Becomes RUNNING, unless STOP or HELD is set; whoever takes them off will wake who sleeps. For the owner, under the park lock.
    fn resume(&self, from: usize) -> bool {
        let mut now = from;
        loop {
            let next = if now & (STOP | HELD) == 0 {
                RUNNING
            } else if now & HELD != 0 && now & WAITS == 0 {
                now | WAITS
            } else {
                return false;
            };
            // AcqRel: as for `change`; a holder's writes are seen (its Release is in `release`).
            match self.word.compare_exchange(now, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return next == RUNNING,
                Err(other) => now = other,
            }
        }
    }

    /// Holds the word, or asks its owner. Callers take turns, by a lock that the owner also takes to look at what it was asked for.
    pub(crate) fn hold(&self) -> Hold {
        // Relaxed: the exchange tells. If it is an ASKED of before, then whoever takes that off has not yet had the lock that we have.
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
                Ok(_) => return Hold::Held,
                Err(other) => now = other,
            }
        }
    }

    /// Holds the word, unless its owner runs. Whether it is held. Callers take turns, as for `hold`.
    pub(crate) fn hold_if_away(&self) -> bool {
        // Relaxed, as for `hold`.
        let mut now = self.word.load(Ordering::Relaxed);
        while now & STATE != RUNNING {
            // AcqRel: as for `hold`.
            match self.word.compare_exchange(now, now | HELD, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// The running owner takes ASKED off, and will look at what it was asked for.
    pub(crate) fn take_asked(&self) {
        // AcqRel: a read-modify-write (S2); the lock behind which the questions lie orders them.
        self.word.fetch_and(!ASKED, Ordering::AcqRel);
    }
}

/// Where mutators of one heap meet.
pub(crate) struct World {
    park: Mutex<Park>,
    /// The leader sleeps here until `waiting_for` is 0.
    stopped: Condvar,
    /// Everybody else sleeps here until STOP is cleared.
    resumed: Condvar,
    /// A copy of `Park::waiting_for` for the leader's spinning.
    waiting_for: AtomicUsize,
}

#[derive(Default)]
struct Park {
    /// S4.
    waiting_for: usize,
    /// The number of the mutator that arrived last.
    last: Option<u32>,
}

/// How a stop went.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// No member is RUNNING. The number of the one that was waited for longest, if any was.
    All { last: Option<u32> },
    /// It was called off; nothing is stopped.
    CalledOff,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            park: Mutex::new(Park::default()),
            stopped: Condvar::new(),
            resumed: Condvar::new(),
            waiting_for: AtomicUsize::new(0),
        }
    }

    /// From here on the thread does not touch the heap. Whether it was ASKED (S7).
    #[inline]
    pub(crate) fn enter_blocked(&self, word: &StateWord) -> bool {
        !word.change(RUNNING, BLOCKED) && self.enter_blocked_slow(word)
    }

    #[cold]
    #[inline(never)]
    fn enter_blocked_slow(&self, word: &StateWord) -> bool {
        let mut park = self.park.lock();
        // Under the lock STOP does not change (S3). It is not set where the stop was called off meanwhile, or we were ASKED.
        let Some(left) = word.leave_running(BLOCKED, false) else {
            // It is BLOCKED already where the process exits inside of `blocked` and drops a mutator of a thread-local.
            return false;
        };
        if left.stopping && !mutant::BLOCKED_DOES_NOT_COUNT.is_planted() {
            self.arrive(&mut park, word);
        }
        left.asked && !mutant::BLOCKED_FORGETS_THE_ASKED.is_planted()
    }

    /// From here on the thread may touch the heap again. Waits while the world is stopped, and while the word is held.
    #[inline]
    pub(crate) fn leave_blocked(&self, word: &StateWord) {
        if !word.change(BLOCKED, RUNNING) {
            self.await_resume(word, BLOCKED);
        }
    }

    /// At a safepoint: waits while the world is stopped. Whether the thread was ASKED before (S7).
    #[cold]
    #[inline(never)]
    pub(crate) fn park(&self, word: &StateWord) -> bool {
        let mut park = self.park.lock();
        let Some(left) = word.leave_running(PARKED, true) else {
            // The stop is over, or was called off.
            return false;
        };
        self.arrive(&mut park, word);
        drop(park);
        self.await_resume(word, PARKED);
        left.asked
    }

    /// Ends a hold, and wakes the owner if it waits for that.
    pub(crate) fn release(&self, word: &StateWord) {
        // AcqRel: the owner, who becomes RUNNING by an exchange, sees what the holder wrote.
        let before = word.word.fetch_and(!HELD, Ordering::AcqRel);
        if before & WAITS != 0 && !mutant::RELEASE_WAKES_NOBODY.is_planted() {
            // It set WAITS under this lock, and sleeps by now.
            let _park = self.park.lock();
            self.resumed.notify_all();
        }
    }

    /// S4. The caller has just left `RUNNING | STOP`.
    fn arrive(&self, park: &mut MutexGuard<'_, Park>, word: &StateWord) {
        park.waiting_for -= 1;
        park.last = Some(word.number);
        // Release, with the leader's Acquire: it sees what this thread wrote to the heap.
        self.waiting_for.store(park.waiting_for, Ordering::Release);
        if park.waiting_for == 0 {
            self.stopped.notify_one();
        }
    }

    /// Becomes RUNNING as soon as neither STOP nor HELD is set.
    #[cold]
    #[inline(never)]
    fn await_resume(&self, word: &StateWord, from: usize) {
        if mutant::RESUME_WITHOUT_WAITING.is_planted() {
            word.word.fetch_and(STOP | HELD, Ordering::AcqRel);
            return;
        }
        for _ in 0..spins() {
            if word.change(from, RUNNING) {
                return;
            }
            spin_loop();
        }
        let mut park = self.park.lock();
        while !word.resume(from) {
            self.resumed.wait(&mut park);
        }
    }

    /// Stops the world: afterwards no member is RUNNING. The caller leads (step 1).
    ///
    /// After `patience`, `late` is told how long the stop is taking, and says how long to wait until it is told again; for
    /// `None` the stop is called off.
    pub(crate) fn stop<'a>(
        &self,
        members: impl Iterator<Item = Member<'a>> + Clone,
        mut patience: Duration,
        mut late: impl FnMut(Duration) -> Option<Duration>,
    ) -> Stopped {
        let mut park = self.park.lock();
        let mut running = 0;
        for member in members.clone() {
            if member.word.set_stop() {
                running += 1;
                member.poll.raise_stop();
            }
        }
        park.last = None;
        if running == 0 || mutant::LEADER_DOES_NOT_WAIT.is_planted() {
            return Stopped::All { last: None };
        }
        park.waiting_for = running;
        // Relaxed: set under the lock, under which the members count.
        self.waiting_for.store(running, Ordering::Relaxed);
        if spins() > 0 {
            drop(park);
            for _ in 0..spins() {
                // Acquire, with the Release in `arrive`.
                if self.waiting_for.load(Ordering::Acquire) == 0 {
                    break;
                }
                spin_loop();
            }
            park = self.park.lock();
        }
        let start = Instant::now();
        while park.waiting_for > 0 {
            if self.stopped.wait_for(&mut park, patience) && park.waiting_for > 0 {
                drop(park);
                let more = late(start.elapsed());
                park = self.park.lock();
                match more {
                    Some(more) => patience = more,
                    None if park.waiting_for > 0 => {
                        park.waiting_for = 0;
                        self.clear(members, &park);
                        return Stopped::CalledOff;
                    }
                    None => {}
                }
            }
        }
        Stopped::All { last: park.last }
    }

    /// Lets the world go on. The caller has stopped these members.
    pub(crate) fn resume<'a>(&self, members: impl Iterator<Item = Member<'a>>) {
        let park = self.park.lock();
        self.clear(members, &park);
    }

    /// S3.
    fn clear<'a>(&self, members: impl Iterator<Item = Member<'a>>, _: &MutexGuard<'_, Park>) {
        for member in members {
            member.word.clear_stop();
        }
        if mutant::WAKE_ONE.is_planted() {
            self.resumed.notify_one();
        } else {
            self.resumed.notify_all();
        }
    }
}
