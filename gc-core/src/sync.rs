//! The primitives that everything threads share is built from, shaped like `std::sync`.
//!
//! Locks are of this crate (`raw_lock`): a child of a fork can use them, ThreadSanitizer
//! understands them, and a panic does not poison them. The loom and shuttle models compile protocol
//! files with a `sync` of their own in place of this one.

#[cfg(test)]
pub(crate) mod alone;
mod futex;
pub(crate) mod held;
mod locks;
pub(crate) mod mutant;
mod raw_lock;

pub(crate) use core::{hint::spin_loop, sync::atomic};
pub(crate) use std::sync::{Arc, Weak};

pub(crate) use locks::{Condvar, Mutex, MutexGuard};
pub(crate) use raw_lock::RawLock;

/// A number that one thread at a time touches; the models check that.
pub(crate) type Plain<T> = core::cell::Cell<T>;

/// How often a waiting thread looks before it sleeps: some microseconds.
#[inline(always)]
pub(crate) fn spins() -> u32 {
    200
}

/// Returns whether the bug of this name is planted. No model runs here.
#[cfg(not(gc_mutants))]
#[inline(always)]
const fn planted(_: &str) -> bool {
    false
}

/// Returns whether the bug of this name is planted, in a build that has them all.
#[cfg(gc_mutants)]
fn planted(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("GC_CORE_MUTANT").unwrap_or_default()) == name
}

/// Returns the word of a lock, for `collector::fork`.
pub(crate) fn raw<T>(mutex: &Mutex<T>) -> &RawLock {
    // SAFETY: to unlock it takes `unsafe` of its own.
    unsafe { mutex.raw() }
}
