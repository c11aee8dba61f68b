//! `gc-core`'s `sync`, built on shuttle.

use core::ops::{Deref, DerefMut};
use std::cell::Cell;

pub(crate) use shuttle::hint::spin_loop;
pub(crate) use shuttle::sync::{Arc, atomic};

#[path = "../../../gc-core/src/sync/mutant.rs"]
#[allow(dead_code, reason = "some are found by tests, not by models")]
pub(crate) mod mutant;

/// Returns 0: spinning is left to the scheduler.
pub(crate) fn spins() -> u32 {
    0
}

thread_local! {
    static PLANTED: Cell<&'static str> = const { Cell::new("") };
}

/// Plants a bug in the models that this thread runs.
pub(crate) fn plant(mutant: mutant::Mutant) {
    PLANTED.set(mutant.name);
}

/// Returns whether the planted bug has this name.
fn planted(name: &str) -> bool {
    PLANTED.get() == name
}

/// Records that the memory of this word was freed. Only loom checks that it is not used again.
pub(crate) fn freed(_: &atomic::AtomicU64) {}

/// A number that one thread at a time touches.
pub(crate) type Plain<T> = Cell<T>;

#[path = "../../../gc-core/src/sync/raw_lock.rs"]
#[allow(dead_code, reason = "the models use the other locks")]
pub(crate) mod raw_lock;

/// What the stand-in of the system is built on.
use shuttle as checker;

#[path = "../../stand_ins/futex.rs"]
mod futex;

/// The word of a lock, which the other models do not look at.
pub(crate) struct RawLock;

/// Forks are no part of the models.
pub(crate) fn raw<T>(_: &Mutex<T>) -> &RawLock {
    &RawLock
}

pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    of: &'a Mutex<T>,
    held: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { of: self, held: Some(self.0.lock().unwrap()) }
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|held| MutexGuard { of: self, held: Some(held) })
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> MutexGuard<'_, T> {
    /// Runs `f` without the lock.
    pub(crate) fn unlocked(guard: &mut Self, f: impl FnOnce()) {
        guard.held = None;
        f();
        guard.held = Some(guard.of.0.lock().unwrap());
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().unwrap()
    }
}

pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.held = Some(self.0.wait(guard.held.take().unwrap()).unwrap());
    }

    /// Waits without a timeout: time does not pass in a model.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: core::time::Duration) -> bool {
        self.wait(guard);
        false
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
