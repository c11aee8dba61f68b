//! `gc-core`'s `sync`, built on loom: every atomic has a shadow.

use core::ops::{Deref, DerefMut};
use std::cell::Cell;

pub(crate) use loom::{hint::spin_loop, sync::Arc};

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

/// Records that the memory of this word was freed: the model fails if it is used again.
pub(crate) fn freed(word: &atomic::AtomicU64) {
    word.freed();
}

pub(crate) mod atomic {
    use std::sync::atomic::AtomicBool as Flag;

    pub(crate) use loom::sync::atomic::Ordering;

    macro_rules! shadowed {
        ($name:ident, $int:ty) => {
            pub(crate) struct $name {
                value: loom::sync::atomic::$name,
                shadow: loom::sync::atomic::AtomicUsize,
                freed: Flag,
            }

            #[allow(dead_code, reason = "a model uses what its file uses")]
            impl $name {
                pub(crate) fn new(value: $int) -> Self {
                    Self {
                        value: loom::sync::atomic::$name::new(value),
                        shadow: loom::sync::atomic::AtomicUsize::new(0),
                        freed: Flag::new(false),
                    }
                }

                pub(crate) fn freed(&self) {
                    self.freed.store(true, Ordering::Relaxed);
                }

                fn real(&self) -> &loom::sync::atomic::$name {
                    self.shadow.fetch_add(0, Ordering::Relaxed);
                    &self.value
                }

                /// Checks, after an access, that the memory was not freed: loom may have changed threads at the access.
                fn done<R>(&self, result: R) -> R {
                    assert!(!self.freed.load(Ordering::Relaxed), "used after it was freed");
                    result
                }

                pub(crate) fn load(&self, order: Ordering) -> $int {
                    self.done(self.real().load(order))
                }

                pub(crate) fn store(&self, value: $int, order: Ordering) {
                    self.done(self.real().store(value, order));
                }

                pub(crate) fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().fetch_add(value, order))
                }

                pub(crate) fn fetch_sub(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().fetch_sub(value, order))
                }

                pub(crate) fn swap(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().swap(value, order))
                }

                pub(crate) fn fetch_or(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().fetch_or(value, order))
                }

                pub(crate) fn fetch_and(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().fetch_and(value, order))
                }

                pub(crate) fn fetch_max(&self, value: $int, order: Ordering) -> $int {
                    self.done(self.real().fetch_max(value, order))
                }

                pub(crate) fn compare_exchange(
                    &self,
                    from: $int,
                    to: $int,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$int, $int> {
                    self.done(self.real().compare_exchange(from, to, success, failure))
                }
            }
        };
    }

    pub(crate) struct AtomicBool(AtomicU32);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            Self(AtomicU32::new(value.into()))
        }

        pub(crate) fn load(&self, order: Ordering) -> bool {
            self.0.load(order) != 0
        }

        pub(crate) fn store(&self, value: bool, order: Ordering) {
            self.0.store(value.into(), order);
        }

        pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
            self.0.swap(value.into(), order) != 0
        }
    }

    pub(crate) struct AtomicPtr<T> {
        value: loom::sync::atomic::AtomicPtr<T>,
        shadow: loom::sync::atomic::AtomicUsize,
    }

    impl<T> AtomicPtr<T> {
        pub(crate) fn new(value: *mut T) -> Self {
            Self { value: loom::sync::atomic::AtomicPtr::new(value), shadow: loom::sync::atomic::AtomicUsize::new(0) }
        }

        fn real(&self) -> &loom::sync::atomic::AtomicPtr<T> {
            self.shadow.fetch_add(0, Ordering::Relaxed);
            &self.value
        }

        pub(crate) fn load(&self, order: Ordering) -> *mut T {
            self.real().load(order)
        }

        pub(crate) fn store(&self, value: *mut T, order: Ordering) {
            self.real().store(value, order);
        }

        pub(crate) fn swap(&self, value: *mut T, order: Ordering) -> *mut T {
            self.real().swap(value, order)
        }

        pub(crate) fn compare_exchange(
            &self,
            from: *mut T,
            to: *mut T,
            success: Ordering,
            failure: Ordering,
        ) -> Result<*mut T, *mut T> {
            self.real().compare_exchange(from, to, success, failure)
        }
    }

    shadowed!(AtomicU8, u8);
    shadowed!(AtomicU32, u32);
    shadowed!(AtomicU64, u64);
    shadowed!(AtomicUsize, usize);
}

/// A number that one thread at a time touches. The model fails if two threads do.
pub(crate) struct Plain<T>(loom::cell::UnsafeCell<T>);

impl<T: Copy> Plain<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    pub(crate) fn get(&self) -> T {
        // SAFETY: loom panics if another thread writes.
        self.0.with(|place| unsafe { *place })
    }

    pub(crate) fn set(&self, value: T) {
        // SAFETY: loom panics if this is not exclusive.
        self.0.with_mut(|place| unsafe { *place = value });
    }
}

#[path = "../../../gc-core/src/sync/raw_lock.rs"]
#[allow(dead_code, reason = "the models use the other locks")]
pub(crate) mod raw_lock;

/// What the stand-in of the system is built on.
use loom as checker;

#[path = "../../stand_ins/futex.rs"]
mod futex;

/// The word of a lock, which the other models do not look at.
pub(crate) struct RawLock;

/// Forks are no part of the models.
pub(crate) fn raw<T>(_: &Mutex<T>) -> &RawLock {
    &RawLock
}

pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

pub(crate) struct MutexGuard<'a, T> {
    of: &'a Mutex<T>,
    held: Option<loom::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
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

pub(crate) struct Condvar(loom::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new())
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
