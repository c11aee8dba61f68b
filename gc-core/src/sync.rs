//! The primitives that everything threads share is built from, shaped like `std::sync`.
//!
//! Locks are `parking_lot`'s: ThreadSanitizer understands them, and a panic does not poison them. The loom and shuttle models
//! compile protocol files with a `sync` of their own in place of this one.

pub(crate) mod mutant;

pub(crate) use core::{hint::spin_loop, sync::atomic};
pub(crate) use std::sync::{Arc, Weak};

pub(crate) use parking_lot::{Mutex, MutexGuard};

/// A number that one thread at a time touches; the models check that.
pub(crate) type Plain<T> = core::cell::Cell<T>;

/// How often a waiting thread looks before it sleeps: some microseconds.
#[inline(always)]
pub(crate) fn spins() -> u32 {
    200
}

/// Returns whether a model has planted the bug of this name. No model runs here.
#[inline(always)]
const fn planted(_: &str) -> bool {
    false
}

/// A condition variable.
pub(crate) struct Condvar(parking_lot::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.0.wait(guard);
    }

    /// Waits for at most `time`. Returns whether the time ran out.
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, time: core::time::Duration) -> bool {
        self.0.wait_for(guard, time).timed_out()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
