//! Locks and condition variables whose state is one word each, by the system's futexes (Drepper, *Futexes are tricky*, 2011).
//!
//! A thread that sleeps is known to the system only. So in the child of a fork, where other threads do not exist, the word is all there
//! is, and it can be set (`collector::fork`). Locks that keep a list of the threads that sleep would find gone ones there.
//!
//! - **[futex.word]** The bits of a lock's word: LOCKED; CONTENDED, a thread may sleep until the word changes; HANDED, the word is for a
//!   thread that has slept. A thread sleeps only after it has made the word CONTENDED, and leaves it CONTENDED when it has slept, also if it
//!   gives up. So the thread that unlocks a CONTENDED word wakes one, and none is left asleep.
//! - **[futex.handed]** A thread that has waited for longer than [`UNFAIR`] makes the word HANDED, which the unlocking thread leaves. So one that
//!   takes the lock over and over, for a moment in between, keeps no other one out. HANDED goes with the next one that takes the lock, or
//!   with the thread that made it HANDED, if that gives up. The unlocking thread may make it HANDED itself, if it wakes one.
//! - **[futex.count]** A condition variable's word counts the notifications. A thread reads it under its lock, and sleeps only while the
//!   count has not changed. So a notification that comes after it has unlocked is not lost.

use core::time::Duration;
use std::{io, time::Instant};

use parking_lot::lock_api;
use rustix::thread::futex::{self, Flags, Timespec};

use super::{
    MutexGuard,
    atomic::{AtomicU32, Ordering},
    spin_loop, spins,
};

/// The word of a lock.
pub(crate) struct RawLock(AtomicU32);

const FREE: u32 = 0;
const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;
const HANDED: u32 = 4;

/// So long a thread waits before it has the lock handed to those that have slept: about what parking_lot and Go take.
const UNFAIR: Duration = Duration::from_millis(1);

impl RawLock {
    /// Frees the lock, which any thread may have had, and wakes none.
    ///
    /// # Safety
    ///
    /// No other thread exists, and what the lock guards is whole.
    pub(crate) unsafe fn reset(&self) {
        // Relaxed: there is no other thread.
        self.0.store(FREE, Ordering::Relaxed);
    }

    #[cold]
    fn lock_slow(&self, deadline: Option<Instant>) -> bool {
        for _ in 0..spins() {
            // Relaxed: the exchange decides.
            match self.0.load(Ordering::Relaxed) {
                FREE if lock_api::RawMutex::try_lock(self) => return true,
                FREE | LOCKED => spin_loop(),
                _ => break,
            }
        }
        let (begun, mut has_slept, mut has_handed) = (Instant::now(), false, false);
        // Relaxed: the exchanges decide.
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & LOCKED == 0 && (has_slept || now & HANDED == 0) {
                // Acquire, with the Release in `unlock`.
                match self.0.compare_exchange(now, LOCKED | CONTENDED, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(other) => now = other,
                }
                continue;
            }
            let waited = begun.elapsed();
            let hands = if has_slept && waited > UNFAIR { HANDED } else { 0 };
            let next = now | CONTENDED | hands;
            if next != now
                // Relaxed: nothing is guarded by this.
                && let Err(other) = self.0.compare_exchange(now, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                now = other;
                continue;
            }
            has_handed |= hands != 0;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
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

    /// Ends HANDED, for a thread that does not wait any more ([futex.handed]).
    fn take_back(&self) {
        // Relaxed: nothing is guarded by this. The lock may be free, and only HANDED have kept another thread from taking it.
        if self.0.fetch_and(!HANDED, Ordering::Relaxed) & LOCKED == 0 {
            wake(&self.0, 1);
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        // Release: as in `unlock`.
        if self.0.fetch_and(HANDED, Ordering::Release) & CONTENDED != 0 {
            wake(&self.0, 1);
        }
    }
}

// SAFETY: a thread has the lock from the exchange that sets LOCKED until it clears that.
unsafe impl lock_api::RawMutex for RawLock {
    const INIT: Self = Self(AtomicU32::new(FREE));

    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.lock_slow(None);
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // Acquire, with the Release in `unlock`.
        self.0.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // Release: the next thread that has the lock sees what this one wrote.
        if self.0.compare_exchange(LOCKED, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_slow();
        }
    }

    fn is_locked(&self) -> bool {
        // Relaxed: for assertions.
        self.0.load(Ordering::Relaxed) & LOCKED != 0
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexTimed for RawLock {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, timeout: Duration) -> bool {
        use lock_api::RawMutex;
        // A time that the clock cannot tell is no limit.
        self.try_lock() || self.lock_slow(Instant::now().checked_add(timeout))
    }

    fn try_lock_until(&self, timeout: Instant) -> bool {
        use lock_api::RawMutex;
        self.try_lock() || self.lock_slow(Some(timeout))
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexFair for RawLock {
    /// Hands the lock to a thread that sleeps until it is free, if there is one.
    unsafe fn unlock_fair(&self) {
        // Relaxed: a hint.
        if self.0.load(Ordering::Relaxed) & CONTENDED == 0 {
            // SAFETY: the caller has the lock.
            unsafe { lock_api::RawMutex::unlock(self) };
            return;
        }
        // Release: as in `unlock`.
        self.0.swap(HANDED, Ordering::Release);
        if wake(&self.0, 1) == 0 {
            self.take_back();
        }
    }
}

/// A condition variable.
pub(crate) struct Condvar(AtomicU32);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.sleep(guard, None);
    }

    /// Waits for at most `time`. Returns whether the time ran out.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, time: Duration) -> bool {
        self.sleep(guard, Some(time))
    }

    fn sleep<T>(&self, guard: &mut MutexGuard<'_, T>, time: Option<Duration>) -> bool {
        // Relaxed: the lock orders it with a notification that was due before ([futex.count]).
        let seen = self.0.load(Ordering::Relaxed);
        MutexGuard::unlocked(guard, || sleep(&self.0, seen, time))
    }

    pub(crate) fn notify_one(&self) {
        self.notify(1);
    }

    pub(crate) fn notify_all(&self) {
        self.notify(i32::MAX as u32);
    }

    fn notify(&self, threads: u32) {
        // Relaxed: what a thread is woken for is guarded by its lock.
        self.0.fetch_add(1, Ordering::Relaxed);
        wake(&self.0, threads);
    }
}

/// Sleeps while the word is `value`, or until it is woken, for `time` at most. Returns whether the time ran out.
fn sleep(word: &AtomicU32, value: u32, time: Option<Duration>) -> bool {
    // A time that is longer than the clock or the system can tell is no limit.
    let deadline = time.filter(|time| time.as_secs() < 1 << 40).and_then(|time| Instant::now().checked_add(time));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        match futex::wait(word, Flags::PRIVATE, value, left.as_ref()).map_err(io::Error::from) {
            // A signal has come. If the caller looked again, it would begin to wait for all of the time again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Otherwise the word may have changed: the caller looks again.
            result => return result.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut),
        }
    }
}

/// Returns how many were woken.
fn wake(word: &AtomicU32, threads: u32) -> usize {
    // It fails for no word of this process.
    futex::wake(word, Flags::PRIVATE, threads).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use core::{
        ffi::{c_int, c_ulong},
        time::Duration,
    };
    use std::{
        os::unix::thread::JoinHandleExt,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        thread,
    };

    use parking_lot::lock_api::{RawMutex, RawMutexFair, RawMutexTimed};

    use super::{
        super::{Condvar, Mutex, MutexGuard},
        CONTENDED, HANDED, LOCKED, RawLock, wake,
    };

    unsafe extern "C" {
        fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
        fn pthread_kill(thread: c_ulong, signal: c_int) -> c_int;
    }

    /// Those of a profiler come more often than most waits end.
    #[test]
    fn signals_do_not_make_a_wait_longer() {
        /// `SIGURG`, which nobody else uses here.
        const SIGNAL: c_int = 23;
        extern "C" fn nothing(_: c_int) {}
        // SAFETY: the handler may run anywhere.
        unsafe { signal(SIGNAL, nothing) };
        let waits = thread::spawn(|| {
            let mutex = Mutex::new(());
            Condvar::new().wait_for(&mut mutex.lock(), Duration::from_millis(300))
        });
        while !waits.is_finished() {
            // SAFETY: not joined, so the thread's state exists.
            let _ = unsafe { pthread_kill(waits.as_pthread_t(), SIGNAL) };
            thread::sleep(Duration::from_millis(5));
        }
        assert!(waits.join().unwrap(), "the time has run out");
    }

    #[test]
    fn one_thread_at_a_time_has_a_lock_and_none_is_left_asleep() {
        let shared = Arc::new((Mutex::new((0_u64, 0_u64)), Condvar::new()));
        const ROUNDS: u64 = 20_000;
        let threads: Vec<_> = (0..4)
            .map(|own| {
                let shared = shared.clone();
                thread::spawn(move || {
                    for round in 0..ROUNDS {
                        let mut guard = shared.0.lock();
                        guard.0 += 1;
                        if round % 64 == own {
                            MutexGuard::unlock_fair(guard);
                        }
                    }
                    shared.0.lock().1 += 1;
                    shared.1.notify_all();
                })
            })
            .collect();
        let mut guard = shared.0.lock();
        while guard.1 < 4 {
            shared.1.wait(&mut guard);
        }
        assert_eq!(guard.0, 4 * ROUNDS);
        drop(guard);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn wait_until(lock: &RawLock, bits: u32) {
        while lock.0.load(Ordering::Relaxed) & bits == 0 {
            // As if for a thread that has unlocked it and has it again: who sleeps looks whether it has waited for long.
            wake(&lock.0, 1);
            thread::yield_now();
        }
    }

    /// A thread that collects in a loop has the registry nearly always: others waited for it for seconds.
    #[test]
    fn a_thread_that_has_waited_for_long_is_the_next_one() {
        let lock = RawLock::INIT;
        lock.lock();
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock.lock());
            wait_until(&lock, HANDED);
            // SAFETY: locked above.
            unsafe { lock.unlock() };
            assert!(!lock.try_lock(), "it was handed to the other thread");
            waits.join().unwrap();
        });
        assert_eq!(lock.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
    }

    #[test]
    fn a_thread_that_gives_up_has_nothing_handed() {
        let lock = RawLock::INIT;
        lock.lock();
        thread::scope(|scope| {
            let gives_up = scope.spawn(|| lock.try_lock_for(Duration::from_millis(50)));
            while !gives_up.is_finished() {
                wake(&lock.0, 1);
                thread::yield_now();
            }
            assert!(!gives_up.join().unwrap());
        });
        assert_eq!(lock.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
        // SAFETY: locked above.
        unsafe { lock.unlock() };
        assert!(lock.try_lock());
    }

    /// One comes while the lock is handed to another one, which gives up.
    #[test]
    fn a_thread_that_comes_later_is_woken_when_nothing_is_handed_any_more() {
        let lock = RawLock(AtomicU32::new(HANDED));
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock.lock());
            wait_until(&lock, CONTENDED | LOCKED);
            lock.take_back();
            waits.join().unwrap();
        });
        assert_eq!(lock.0.load(Ordering::Relaxed), LOCKED | CONTENDED);
    }

    /// If nobody sleeps, it is free for all.
    #[test]
    fn a_lock_is_handed_only_if_a_thread_sleeps() {
        let lock = RawLock(AtomicU32::new(LOCKED | CONTENDED));
        // SAFETY: locked.
        unsafe { lock.unlock_fair() };
        assert!(lock.try_lock());
        thread::scope(|scope| {
            let waits = scope.spawn(|| lock.lock());
            while lock.0.load(Ordering::Relaxed) & CONTENDED == 0 {
                thread::yield_now();
            }
            // SAFETY: locked above.
            unsafe { lock.unlock_fair() };
            waits.join().unwrap();
        });
    }

    #[test]
    fn a_wait_with_a_limit_ends() {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        let mut guard = mutex.lock();
        assert!(changed.wait_for(&mut guard, Duration::from_millis(1)));
        thread::scope(|scope| {
            scope.spawn(|| assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none())).join().unwrap();
            // A limit beyond all clocks is none, until this thread unlocks.
            let waits = scope.spawn(|| mutex.try_lock_for(Duration::MAX).is_some());
            drop(guard);
            assert!(waits.join().unwrap());
        });
    }
}
