//! The rendezvous of a heap's mutators: how the world is stopped and resumed. [safepoint.stop-bit]
//! to [safepoint.no-new-runners].

use core::time::Duration;
use std::time::Instant;

use crate::sync::{
    Condvar, Mutex, MutexGuard, RawLock,
    atomic::{AtomicUsize, Ordering},
    mutant, raw, spin_loop, spins,
};

use super::{
    poll::{Poll, Reason},
    state_word::{BLOCKED, PARKED, RUNNING, Resumed, StateWord},
};

/// What a stop acts on: a mutator's word and poll.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) word: &'a StateWord,
    pub(crate) poll: &'a Poll,
}

/// The rendezvous of the mutators of one heap.
pub(crate) struct Rendezvous {
    park: Mutex<Park>,
    /// The leader sleeps here until `waiting_for` is 0.
    stopped: Condvar,
    /// All other threads sleep here until STOP, or HELD, is cleared.
    resumed: Condvar,
    /// A copy of `Park::waiting_for` for the leader's spinning.
    waiting_for: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct Park {
    /// [safepoint.waiting-for].
    waiting_for: usize,
    /// The number of the mutator that arrived last.
    last: Option<u32>,
}

/// How a stop went.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stopped {
    /// No member is RUNNING. `last` is the number of the member that the leader waited for longest,
    /// if it waited for any.
    All { last: Option<u32> },
    /// The stop was called off; nothing is stopped.
    CalledOff,
}

impl Rendezvous {
    pub(crate) fn new() -> Self {
        Self {
            park: Mutex::new(Park::default()),
            stopped: Condvar::new(),
            resumed: Condvar::new(),
            waiting_for: AtomicUsize::new(0),
        }
    }

    /// Makes the thread BLOCKED: from here on it does not touch the heap. Returns whether it was
    /// ASKED ([safepoint.asked]).
    #[inline]
    pub(crate) fn enter_blocked(&self, word: &StateWord) -> bool {
        !word.change(RUNNING, BLOCKED) && self.enter_blocked_slow(word)
    }

    /// Makes the thread BLOCKED where a collection may happen. Returns whether that is all there is
    /// to do. If not, the caller calls [`block`](Self::block), whether or not the thread is BLOCKED
    /// by now.
    #[inline(always)]
    pub(crate) fn try_block(&self, member: Member<'_>) -> bool {
        member.word.change(RUNNING, BLOCKED) && !member.poll.is_raised()
    }

    /// Makes the thread BLOCKED where a collection may happen. Returns `None` if that is all, or
    /// else whether it was ASKED: then its poll may be raised ([safepoint.due]).
    #[inline]
    pub(crate) fn block(&self, member: Member<'_>) -> Option<bool> {
        if mutant::LOOK_BEFORE_BLOCKED.is_planted() {
            let raised = member.poll.is_raised();
            return Some(self.enter_blocked(member.word)).filter(|&asked| asked || raised);
        }
        if self.try_block(member) {
            return None;
        }
        // Has no effect if the word is BLOCKED by now.
        Some(self.enter_blocked_slow(member.word))
    }

    /// Asks the members for a collection. Returns whether one of them is RUNNING, and so finds the
    /// request ([safepoint.due]).
    pub(crate) fn ask<'a>(&self, members: impl Iterator<Item = Member<'a>>) -> bool {
        let mut runs = false;
        for member in members {
            if mutant::LOOK_BEFORE_ASKING.is_planted() {
                runs |= member.word.is_running();
                member.poll.raise(Reason::MINOR);
                continue;
            }
            member.poll.raise(Reason::MINOR);
            runs |= member.word.is_running();
        }
        runs
    }

    #[cold]
    #[inline(never)]
    fn enter_blocked_slow(&self, word: &StateWord) -> bool {
        let mut park = self.park.lock();
        // Under the lock STOP does not change ([safepoint.stop-bit]). It is clear here if the stop was called off meanwhile, or
        // if only ASKED was set.
        let Some(left) = word.leave_running(BLOCKED, false) else {
            // The word is BLOCKED already if the process exits inside of `blocked` and drops a mutator of a thread-local.
            return false;
        };
        if left.stopping && !mutant::BLOCKED_DOES_NOT_COUNT.is_planted() {
            self.arrive(&mut park, word);
        }
        left.asked && !mutant::BLOCKED_FORGETS_THE_ASKED.is_planted()
    }

    /// Makes the thread RUNNING: from here on it may touch the heap again. Waits while the world is
    /// stopped, and while the word is held. Returns false if the mutator is dormant: then it is
    /// still BLOCKED, and has to rejoin the members first.
    #[inline]
    #[must_use]
    pub(crate) fn leave_blocked(&self, word: &StateWord) -> bool {
        word.change(BLOCKED, RUNNING) || self.await_resume(word, BLOCKED)
    }

    /// Waits, at a safepoint, while the world is stopped. Returns whether the thread was ASKED
    /// before ([safepoint.asked]).
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
        let resumed = self.await_resume(word, PARKED);
        debug_assert!(resumed, "a PARKED mutator is not dormant");
        left.asked
    }

    /// Ends a hold, and wakes the owner if it waits for that.
    pub(crate) fn release(&self, word: &StateWord) {
        if word.end_hold() && !mutant::RELEASE_WAKES_NOBODY.is_planted() {
            // The owner set WAITS under this lock, and sleeps by now.
            let _park = self.park.lock();
            self.resumed.notify_all();
        }
    }

    /// Counts the member as stopped ([safepoint.waiting-for]). The caller has just left `RUNNING |
    /// STOP`.
    fn arrive(&self, park: &mut MutexGuard<'_, Park>, word: &StateWord) {
        park.waiting_for -= 1;
        park.last = Some(word.number);
        // Release, with the leader's Acquire: the leader sees what this thread wrote to the heap.
        self.waiting_for.store(park.waiting_for, Ordering::Release);
        if park.waiting_for == 0 {
            self.stopped.notify_one();
        }
    }

    /// Makes the word RUNNING as soon as neither STOP nor HELD is set. Returns false if it is
    /// dormant.
    #[cold]
    #[inline(never)]
    fn await_resume(&self, word: &StateWord, from: usize) -> bool {
        if mutant::RESUME_WITHOUT_WAITING.is_planted() {
            word.resume_without_waiting();
            return true;
        }
        let mut resumed = word.resume(from, false);
        for _ in 0..spins() {
            if resumed != Resumed::Waits {
                break;
            }
            spin_loop();
            resumed = word.resume(from, false);
        }
        if resumed == Resumed::Waits {
            let mut park = self.park.lock();
            resumed = word.resume(from, true);
            while resumed == Resumed::Waits {
                self.resumed.wait(&mut park);
                resumed = word.resume(from, true);
            }
        }
        resumed == Resumed::Running
    }

    /// Stops the world: afterwards no member is RUNNING. The caller is the leader (step 1).
    ///
    /// After `timeout`, calls `late` with the time that the leader has slept so far. `late` returns
    /// the time until it is called again, or `None` to call the stop off.
    pub(crate) fn stop<'a>(
        &self,
        members: impl Iterator<Item = Member<'a>> + Clone,
        mut timeout: Duration,
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
        // Relaxed: set under the lock, under which the members decrement it.
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
            if self.stopped.wait_for(&mut park, timeout) && park.waiting_for > 0 {
                drop(park);
                let more = late(start.elapsed());
                park = self.park.lock();
                match more {
                    Some(more) => timeout = more,
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

    /// Returns whether a leader waits for some of these members, and for no other one. They are
    /// running, and their owners at rest while the caller has the park lock. Until it gives that
    /// up, the world stays stopped except for those, and the leader waits.
    pub(crate) fn waits_for_only<'a>(
        &self,
        park: &MutexGuard<'_, Park>,
        words: impl Iterator<Item = &'a StateWord>,
    ) -> bool {
        let here = words.filter(|word| word.is_straggler()).count();
        here > 0 && (here == park.waiting_for || mutant::FORK_BESIDE_RUNNERS.is_planted())
    }

    /// Takes the park lock.
    pub(crate) fn park_lock(&self) -> MutexGuard<'_, Park> {
        self.park.lock()
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.park)
    }

    /// Makes `running`, if there is one, the only member that runs, and ends the stop. All other
    /// members' threads are gone: this is the child of a fork.
    pub(crate) fn forget_threads<'a>(&self, members: impl Iterator<Item = Member<'a>>, running: Option<&StateWord>) {
        let mut park = self.park.lock();
        park.waiting_for = 0;
        for Member { word, .. } in members {
            word.reset(running.is_some_and(|running| core::ptr::eq(running, word)));
        }
    }

    /// Resumes the world. The caller has stopped these members.
    pub(crate) fn resume<'a>(&self, members: impl Iterator<Item = Member<'a>>) {
        let park = self.park.lock();
        self.clear(members, &park);
    }

    /// Clears STOP in the words of all members and wakes the sleeping threads
    /// ([safepoint.stop-bit]).
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
