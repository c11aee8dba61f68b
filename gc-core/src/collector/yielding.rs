//! How the concurrent thread makes way for a minor collection, so that the collection does not wait
//! for it while the system does not run it.
//!
//! The thread is *at work* while a pause would have to wait for it: while it marks, and while it
//! sweeps with the lock of the old generation. A mutator that is about to lead a minor collection
//! *asks* it to leave work, which it does between two objects or blocks. If it is still at work
//! some microseconds later, the mutator puts the collection off (`put_off`), and goes on.
//!
//! ```text
//!   mutator:             ask ─┬─▶ the thread is away: leads
//!                             └─▶ it is at work: looks for some microseconds, then puts the collection off
//!   concurrent thread:   begin_work ─▶ works ─▶ end_work: was asked ─▶ raises the polls of the mutators, or leads if none runs
//!                            ▲                                         │
//!                            └──────────────── stay_away ◀─────────────┘
//!   leader of a pause:   end, when the pause is over
//! ```
//!
//! - **[yield.a-hint]** No thread relies on this for access to the heap. A leader stops the
//!   concurrent thread as a member of the rendezvous, and takes the locks; it waits for what it
//!   finds. What is here decides only whether it will find the thread at work.
//! - **[yield.told]** A collection that was put off is requested again when the thread is away:
//!   ASKED is set, and AT_WORK is cleared, by read-modify-writes of one word. So either the mutator
//!   finds the thread away, or the thread finds that it was asked, and raises the polls after that.
//! - **[yield.away]** A thread that was asked does not begin to work before the request ends: at
//!   the end of the next pause, or after a timeout if there is no pause, because the mutators that
//!   were asked are far from their safepoints.
//! - **[yield.woken]** The thread sets WAITS under the lock before it sleeps. The thread that
//!   clears ASKED clears WAITS with it, and then wakes the other one under that lock.
//!
//! The model is `models/protocols/yielding.rs`.

use core::time::Duration;

use crate::sync::{
    Condvar, Mutex, RawLock,
    atomic::{AtomicUsize, Ordering},
    mutant, raw,
};

/// What the concurrent thread and those that ask it to make way know of each other.
pub(crate) struct Yielding {
    word: AtomicUsize,
    /// The concurrent thread sleeps here until the request ends.
    sleep: Mutex<()>,
    ended: Condvar,
}

/// The outcome of [`Yielding::ask`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    /// The concurrent thread is away, and will be until the request ends.
    Away,
    /// It is at work, and was asked.
    AtWork {
        /// No other thread had asked before.
        first: bool,
    },
}

impl Yielding {
    pub(crate) fn new() -> Self {
        Self { word: AtomicUsize::new(0), sleep: Mutex::new(()), ended: Condvar::new() }
    }

    /// Asks the concurrent thread to be away until the end of the next pause.
    pub(crate) fn ask(&self) -> Asked {
        // AcqRel: with the AcqRel in `end_work`, see [yield.told].
        let before = self.word.fetch_or(ASKED, Ordering::AcqRel);
        if before & AT_WORK == 0 { Asked::Away } else { Asked::AtWork { first: before & ASKED == 0 } }
    }

    /// Returns whether the concurrent thread is at work.
    pub(crate) fn is_at_work(&self) -> bool {
        // Relaxed: a hint ([yield.a-hint]).
        self.word.load(Ordering::Relaxed) & AT_WORK != 0
    }

    /// Returns whether the concurrent thread was asked to make way, and no pause has ended since.
    pub(crate) fn is_asked(&self) -> bool {
        // Relaxed: the concurrent thread looks again by `end_work`; the registry lock orders what a leader has done.
        self.word.load(Ordering::Relaxed) & ASKED != 0
    }

    /// Records that the concurrent thread is away. Returns whether it was asked.
    #[must_use]
    pub(crate) fn end_work(&self) -> bool {
        if mutant::LEAVE_WORK_AND_LOOK_BEFORE.is_planted() {
            let asked = self.is_asked();
            self.word.fetch_and(!AT_WORK, Ordering::AcqRel);
            return asked;
        }
        // AcqRel: with the AcqRel in `ask`, see [yield.told].
        self.word.fetch_and(!AT_WORK, Ordering::AcqRel) & ASKED != 0
    }

    /// Records that the concurrent thread is at work, unless it is asked to be away ([yield.away]).
    /// Returns whether it is at work.
    #[must_use]
    pub(crate) fn begin_work(&self) -> bool {
        // AcqRel: as for `end_work`.
        self.word.compare_exchange(0, AT_WORK, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Waits while the concurrent thread, which calls this, is asked to be away. The request ends
    /// after `timeout`.
    pub(crate) fn stay_away(&self, timeout: Duration) {
        if !self.is_asked() {
            return;
        }
        let mut sleep = self.sleep.lock();
        // Relaxed: under the lock ([yield.woken]).
        while self.word.fetch_or(WAITS, Ordering::Relaxed) & ASKED != 0 {
            if mutant::WAIT_UNSEEN.is_planted() {
                self.word.fetch_and(!WAITS, Ordering::Relaxed);
            }
            if self.ended.wait_for(&mut sleep, timeout) {
                break;
            }
        }
        // Relaxed: the thread that asked was told ([yield.told]).
        self.word.fetch_and(!(ASKED | WAITS), Ordering::Relaxed);
    }

    /// Ends the request, at the end of a pause: the concurrent thread may work again.
    pub(crate) fn end(&self) {
        // Relaxed: nothing is passed on; the rendezvous orders what the leader has done.
        let before = self.word.fetch_and(!(ASKED | WAITS), Ordering::Relaxed);
        if before & WAITS != 0 && !mutant::END_OF_REQUEST_WAKES_NOBODY.is_planted() {
            // The thread set WAITS under this lock, and sleeps by now ([yield.woken]).
            let _sleep = self.sleep.lock();
            self.ended.notify_all();
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.sleep)
    }

    /// Forgets the concurrent thread, which is gone: this is the child of a fork.
    pub(crate) fn forget_threads(&self) {
        // Relaxed: there is no other thread.
        self.word.store(0, Ordering::Relaxed);
    }
}

const AT_WORK: usize = 1;
const ASKED: usize = 2;
/// The concurrent thread sleeps until ASKED is cleared.
const WAITS: usize = 4;
