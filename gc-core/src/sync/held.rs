//! How many locks a thread holds, in debug builds.
//!
//! - **[held.none]** A thread that asks the system for memory, or gives some back, holds no lock:
//!   the call may take a millisecond, and so long a pause or an allocation of another thread would
//!   wait. Two exceptions are stated where they are: [`beside`] a lock that only threads wait for
//!   that need the memory, and [`in_a_pause`], whose leader has every lock of the heap.

#[cfg(debug_assertions)]
thread_local! {
    static HELD: core::cell::Cell<isize> = const { core::cell::Cell::new(0) };
}

/// Counts a lock that this thread has taken.
#[inline(always)]
pub(super) fn taken() {
    #[cfg(debug_assertions)]
    HELD.set(HELD.get() + 1);
}

/// Counts a lock that this thread has unlocked.
#[inline(always)]
pub(super) fn freed() {
    #[cfg(debug_assertions)]
    HELD.set(HELD.get() - 1);
}

/// Panics in debug builds if this thread holds a lock ([held.none]).
#[inline(always)]
pub(crate) fn assert_none() {
    #[cfg(debug_assertions)]
    assert_eq!(HELD.get(), 0, "gc-core: a lock is held while the system is called");
}

/// Calls the system while one lock is held, that of this guard.
#[inline(always)]
pub(crate) fn beside<G, R>(_: &G, call: impl FnOnce() -> R) -> R {
    let _uncounted = Uncounted::of(|held| held - 1);
    call()
}

/// Calls the system while the world is stopped.
#[inline(always)]
pub(crate) fn in_a_pause<R>(call: impl FnOnce() -> R) -> R {
    let _uncounted = Uncounted::of(|_| 0);
    call()
}

/// Forgets the locks of this thread. It is that of the child of a fork, where all of them were set
/// free.
pub(crate) fn forget() {
    #[cfg(debug_assertions)]
    HELD.set(0);
}

/// Sets the count back, also if the call panics.
struct Uncounted {
    #[cfg(debug_assertions)]
    before: isize,
}

impl Uncounted {
    #[inline(always)]
    fn of(_left: impl FnOnce(isize) -> isize) -> Self {
        Self {
            #[cfg(debug_assertions)]
            before: HELD.replace(_left(HELD.get())),
        }
    }
}

#[cfg(debug_assertions)]
impl Drop for Uncounted {
    fn drop(&mut self) {
        HELD.set(self.before);
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use core::time::Duration;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::{
        super::{Mutex, MutexGuard},
        assert_none, beside, in_a_pause,
    };

    #[test]
    fn a_call_under_a_lock_panics_unless_the_lock_is_named() {
        let [first, second] = [(); 2].map(Mutex::new);
        assert_none();
        let mut guard = first.lock();
        assert!(catch_unwind(assert_none).is_err());
        beside(&guard, assert_none);
        MutexGuard::unlocked(&mut guard, assert_none);
        let other = second.try_lock_for(Duration::from_secs(1)).unwrap();
        assert!(second.try_lock().is_none() && second.try_lock_for(Duration::ZERO).is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| beside(&other, assert_none))).is_err(), "another one is held");
        in_a_pause(assert_none);
        MutexGuard::unlock_fair(other);
        beside(&guard, assert_none);
        drop(guard);
        assert_none();
    }
}
