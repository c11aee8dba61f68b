//! A lock whose state is one word (Drepper, *Futexes are tricky*, 2011; the hand-over is that of
//! Go's `sync.Mutex`). The model is `models/protocols/raw_lock.rs`.
//!
//! A thread that sleeps is known to the system only. So in the child of a fork, where other threads
//! do not exist, the word is all there is, and it can be set (`collector::fork`). Locks that keep a
//! list of the threads that sleep would find gone ones there.
//!
//! - **[lock.word]** The bits of the word: LOCKED; CONTENDED, a thread may sleep until the word
//!   changes; HANDED, the lock is for a thread that has slept. A thread sleeps only after it has
//!   made the word CONTENDED, and leaves it CONTENDED when it has slept, also if it gives up. So
//!   the thread that unlocks a CONTENDED word wakes one, and none is left asleep.
//! - **[lock.handed]** A thread that has waited for longer than [`UNFAIR`] makes the word HANDED,
//!   which the unlocking thread leaves. So one that takes the lock over and over, for a moment in
//!   between, keeps no other one out. HANDED goes with the next thread that takes the lock, or with
//!   the one that made it HANDED, if that gives up. The unlocking thread may make it HANDED itself,
//!   if it wakes one.

use core::time::Duration;
use std::time::Instant;

use super::{
    atomic::{AtomicU32, Ordering},
    futex::{sleep, wake},
    mutant, spin_loop, spins,
};

/// The word of a lock.
pub(crate) struct RawLock(AtomicU32);

const FREE: u32 = 0;
const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;
const HANDED: u32 = 4;

/// So long a thread waits before it has the lock handed to those that have slept: about what
/// parking_lot and Go take.
const UNFAIR: Duration = if cfg!(any(gc_loom, gc_shuttle)) { Duration::ZERO } else { Duration::from_millis(1) };

impl RawLock {
    #[cfg(not(any(gc_loom, gc_shuttle)))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Frees the lock, which any thread may have had, and wakes none.
    ///
    /// # Safety
    ///
    /// No other thread exists, and what the lock guards is whole.
    pub(crate) unsafe fn reset(&self) {
        // Relaxed: there is no other thread.
        self.0.store(FREE, Ordering::Relaxed);
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(crate) fn try_now(&self) -> bool {
        // Acquire, with the Release in `free`.
        self.0.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the lock, and sleeps until it is free. Each time before it sleeps, `left` says for how
    /// long it may; returns false if that is no time.
    #[cold]
    pub(crate) fn take(&self, mut left: impl FnMut() -> Option<Duration>) -> bool {
        for _ in 0..spins() {
            // Relaxed: the exchange decides.
            match self.0.load(Ordering::Relaxed) {
                FREE if self.try_now() => return true,
                FREE | LOCKED => spin_loop(),
                _ => break,
            }
        }
        let (begun, mut has_slept, mut has_handed) = (Instant::now(), false, false);
        // Relaxed: the exchanges decide.
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & LOCKED == 0 && (has_slept || now & HANDED == 0) {
                let taken = if mutant::LOCKED_UNCONTENDED.is_planted() { LOCKED } else { LOCKED | CONTENDED };
                // Acquire, with the Release in `free`.
                match self.0.compare_exchange(now, taken, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(other) => now = other,
                }
                continue;
            }
            if mutant::GIVES_UP_UNCONTENDED.is_planted() && has_slept && left().is_some_and(|left| left.is_zero()) {
                return false;
            }
            let hands = if has_slept && begun.elapsed() >= UNFAIR { HANDED } else { 0 };
            let next = now | CONTENDED | hands;
            if next != now
                // Relaxed: nothing is guarded by this.
                && let Err(other) = self.0.compare_exchange(now, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                now = other;
                continue;
            }
            has_handed |= hands != 0;
            let left = left();
            if left.is_some_and(|left| left.is_zero()) {
                if has_handed {
                    self.take_back();
                }
                return false;
            }
            sleep(&self.0, next, left);
            has_slept = true;
            now = self.0.load(Ordering::Relaxed);
        }
    }

    /// Ends HANDED, for a thread that does not wait any more ([lock.handed]).
    fn take_back(&self) {
        // Relaxed: nothing is guarded by this. The lock may be free, and only HANDED have kept another thread from taking it.
        let before = self.0.fetch_and(!HANDED, Ordering::Relaxed);
        if before & LOCKED == 0 && !mutant::TAKES_BACK_SILENTLY.is_planted() {
            wake(&self.0, 1);
        }
    }

    /// Unlocks. The caller has the lock.
    #[inline]
    pub(crate) fn free(&self) {
        // Release: the next thread that has the lock sees what this one wrote.
        if self.0.compare_exchange(LOCKED, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.free_slow();
        }
    }

    #[cold]
    fn free_slow(&self) {
        // Release: as in `free`.
        if self.0.fetch_and(HANDED, Ordering::Release) & CONTENDED != 0 {
            wake(&self.0, 1);
        }
    }

    /// Unlocks, and hands the lock to a thread that sleeps until it is free, if there is one. The
    /// caller has the lock.
    pub(crate) fn free_fairly(&self) {
        // Relaxed: a hint.
        if self.0.load(Ordering::Relaxed) & CONTENDED == 0 {
            self.free();
            return;
        }
        // Release: as in `free`.
        self.0.swap(HANDED, Ordering::Release);
        if wake(&self.0, 1) == 0 {
            self.take_back();
        }
    }

    /// Returns whether a thread has the lock, for assertions.
    pub(crate) fn is_taken(&self) -> bool {
        // Relaxed: as above.
        self.0.load(Ordering::Relaxed) & LOCKED != 0
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use std::thread;

    use super::*;

    fn wait_until(lock: &RawLock, bits: u32) {
        while lock.0.load(Ordering::Relaxed) & bits == 0 {
            // As if for a thread that has unlocked it and has it again: who sleeps looks whether it has waited for long.
            wake(&lock.0, 1);
            thread::yield_now();
        }
    }

    fn lock(lock: &RawLock) {
        assert!(lock.try_now() || lock.take(|| None));
    }

    /// A thread that collects in a loop has the registry nearly always: others waited for it for
    /// seconds.
    #[test]
    fn a_thread_that_has_waited_for_long_is_the_next_one() {
        let shared = RawLock::new();
        lock(&shared);
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock(&shared));
            wait_until(&shared, HANDED);
            shared.free();
            assert!(!shared.try_now(), "it was handed to the other thread");
            waits.join().unwrap();
        });
        assert_eq!(shared.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
    }

    #[test]
    fn a_thread_that_gives_up_has_nothing_handed() {
        let shared = RawLock::new();
        lock(&shared);
        thread::scope(|scope| {
            let (end, shared) = (Instant::now() + Duration::from_millis(50), &shared);
            let gives_up = scope.spawn(move || shared.take(|| Some(end.saturating_duration_since(Instant::now()))));
            while !gives_up.is_finished() {
                wake(&shared.0, 1);
                thread::yield_now();
            }
            assert!(!gives_up.join().unwrap());
        });
        assert_eq!(shared.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
        shared.free();
        assert!(shared.try_now());
    }

    /// One comes while the lock is handed to another one, which gives up.
    #[test]
    fn a_thread_that_comes_later_is_woken_when_nothing_is_handed_any_more() {
        let shared = RawLock(AtomicU32::new(HANDED));
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock(&shared));
            wait_until(&shared, CONTENDED | LOCKED);
            shared.take_back();
            waits.join().unwrap();
        });
        assert_eq!(shared.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
    }

    /// If nobody sleeps, it is free for all.
    #[test]
    fn a_lock_is_handed_only_if_a_thread_sleeps() {
        let shared = RawLock(AtomicU32::new(LOCKED | CONTENDED));
        shared.free_fairly();
        assert!(shared.try_now());
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock(&shared));
            while shared.0.load(Ordering::Relaxed) & CONTENDED == 0 {
                thread::yield_now();
            }
            shared.free_fairly();
            waits.join().unwrap();
        });
    }
}
