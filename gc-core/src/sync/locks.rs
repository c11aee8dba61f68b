//! The locks of this crate as `lock_api` has them, and condition variables.
//!
//! - **[condvar.count]** A condition variable's word counts the notifications. A thread reads it
//!   under its lock, and sleeps only while the count has not changed. So a notification that comes
//!   after it has unlocked is not lost.

use core::time::Duration;
use std::time::Instant;

use parking_lot::lock_api;

use super::{
    atomic::{AtomicU32, Ordering},
    futex::{sleep, wake},
    held,
    raw_lock::RawLock,
};

pub(crate) type Mutex<T> = lock_api::Mutex<RawLock, T>;
pub(crate) type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawLock, T>;

// SAFETY: a thread has the lock from the exchange that sets LOCKED until it clears that.
unsafe impl lock_api::RawMutex for RawLock {
    const INIT: Self = Self::new();

    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        if !self.try_now() {
            self.take(|| None);
        }
        held::taken();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        counted(self.try_now())
    }

    #[inline]
    unsafe fn unlock(&self) {
        held::freed();
        self.free();
    }

    fn is_locked(&self) -> bool {
        self.is_taken()
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexTimed for RawLock {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, timeout: Duration) -> bool {
        // A time that the clock cannot tell is no limit.
        counted(self.try_now() || self.take(left_until(Instant::now().checked_add(timeout))))
    }

    fn try_lock_until(&self, timeout: Instant) -> bool {
        counted(self.try_now() || self.take(left_until(Some(timeout))))
    }
}

/// Counts a lock, if it is taken.
#[inline]
fn counted(taken: bool) -> bool {
    if taken {
        held::taken();
    }
    taken
}

fn left_until(deadline: Option<Instant>) -> impl FnMut() -> Option<Duration> {
    move || deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

// SAFETY: as above.
unsafe impl lock_api::RawMutexFair for RawLock {
    unsafe fn unlock_fair(&self) {
        held::freed();
        self.free_fairly();
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
        // Relaxed: the lock orders it with a notification that was due before ([condvar.count]).
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
