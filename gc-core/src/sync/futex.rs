//! Locks and condition variables whose state is one word each, by the system's futexes (Drepper, *Futexes are tricky*, 2011).
//!
//! A thread that sleeps is known to the system only. So in the child of a fork, where other threads do not exist, the word is all there
//! is, and it can be set (`collector::fork`). Locks that keep a list of the threads that sleep would find gone ones there.
//!
//! - **[futex.word]** A lock's word is FREE, LOCKED, or CONTENDED: locked, and a thread may sleep until it is FREE. A thread sleeps only
//!   after it has made the word CONTENDED, and has the lock CONTENDED when it has slept. So the thread that unlocks a CONTENDED
//!   word wakes one.
//! - **[futex.count]** A condition variable's word counts the notifications. A thread reads it under its lock, and sleeps only while the
//!   count has not changed. So a notification that comes after it has unlocked is not lost.

use core::time::Duration;
use std::{io, thread, time::Instant};

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

/// So many times a thread that unlocks fairly lets others run, until one has the lock.
const TURNS: u32 = 64;

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

    fn lock_slow(&self, deadline: Option<Instant>) -> bool {
        for _ in 0..spins() {
            // Relaxed: the exchange decides.
            match self.0.load(Ordering::Relaxed) {
                FREE if lock_api::RawMutex::try_lock(self) => return true,
                CONTENDED => break,
                _ => spin_loop(),
            }
        }
        // Acquire, with the Release in `unlock`.
        while self.0.swap(CONTENDED, Ordering::Acquire) != FREE {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            sleep(&self.0, CONTENDED, left);
        }
        true
    }
}

// SAFETY: a thread has the lock from the exchange that finds FREE until it stores FREE.
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
        if self.0.swap(FREE, Ordering::Release) == CONTENDED {
            wake(&self.0, 1);
        }
    }

    fn is_locked(&self) -> bool {
        // Relaxed: for assertions.
        self.0.load(Ordering::Relaxed) != FREE
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
    /// Lets a thread that sleeps have the lock, if the system runs it soon.
    unsafe fn unlock_fair(&self) {
        // Release: as in `unlock`.
        if self.0.swap(FREE, Ordering::Release) == CONTENDED {
            wake(&self.0, 1);
            for _ in 0..TURNS {
                if lock_api::RawMutex::is_locked(self) {
                    return;
                }
                thread::yield_now();
            }
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

fn wake(word: &AtomicU32, threads: u32) {
    // It fails for no word of this process.
    let _ = futex::wake(word, Flags::PRIVATE, threads);
}

#[cfg(test)]
mod tests {
    use core::{
        ffi::{c_int, c_ulong},
        time::Duration,
    };
    use std::{os::unix::thread::JoinHandleExt, sync::Arc, thread};

    use super::super::{Condvar, Mutex, MutexGuard};

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
