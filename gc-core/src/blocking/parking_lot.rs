//! Waiting for the locks and condition variables of the `parking_lot` crate, version 0.12, as
//! [`blocking`](super) does for the standard library's.

use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult};

use crate::Mutator;

/// Locks a mutex. If it is free and no collection is due, this costs what [`Mutex::try_lock`]
/// costs.
///
/// The guard may be held across safepoints. Then every mutator that waits for it must wait blocked,
/// too.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let count = parking_lot::Mutex::new(0);
/// *gc_core::blocking::parking_lot::lock(&mut m, &count) += 1;
/// assert_eq!(count.into_inner(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn lock<'a, T: ?Sized>(mutator: &mut Mutator, mutex: &'a Mutex<T>) -> MutexGuard<'a, T> {
    if !mutator.safepoint_pending()
        && let Some(guard) = mutex.try_lock()
    {
        return guard;
    }
    mutator.blocked(|| mutex.lock())
}

/// Locks a lock for reading. If it is free and no collection is due, this costs what
/// [`RwLock::try_read`] costs.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let name = parking_lot::RwLock::new("Ada");
/// assert_eq!(*gc_core::blocking::parking_lot::read(&mut m, &name), "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn read<'a, T: ?Sized>(mutator: &mut Mutator, lock: &'a RwLock<T>) -> RwLockReadGuard<'a, T> {
    if !mutator.safepoint_pending()
        && let Some(guard) = lock.try_read()
    {
        return guard;
    }
    mutator.blocked(|| lock.read())
}

/// Locks a lock for writing. If it is free and no collection is due, this costs what
/// [`RwLock::try_write`] costs.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let name = parking_lot::RwLock::new("Ada");
/// *gc_core::blocking::parking_lot::write(&mut m, &name) = "Charles";
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn write<'a, T: ?Sized>(mutator: &mut Mutator, lock: &'a RwLock<T>) -> RwLockWriteGuard<'a, T> {
    if !mutator.safepoint_pending()
        && let Some(guard) = lock.try_write()
    {
        return guard;
    }
    mutator.blocked(|| lock.write())
}

/// Waits for a condition variable to be notified, once: call it in a loop that tests the condition.
///
/// ```
/// use gc_core::blocking;
/// use parking_lot::{Condvar, Mutex};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (ready, changed) = (&Mutex::new(false), &Condvar::new());
/// std::thread::scope(|scope| {
///     let worker = scope.spawn(|| {
///         *ready.lock() = true;
///         changed.notify_one();
///     });
///     let mut guard = blocking::parking_lot::lock(&mut m, ready);
///     while !*guard {
///         blocking::parking_lot::wait(&mut m, changed, &mut guard);
///     }
///     drop(guard);
///     m.blocked(|| worker.join().unwrap());
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn wait<T: ?Sized>(mutator: &mut Mutator, condvar: &Condvar, guard: &mut MutexGuard<'_, T>) {
    mutator.blocked(|| condvar.wait(guard));
}

/// Waits as [`wait`] does, for at most `time`. Returns whether the time ran out.
///
/// ```
/// # use std::time::Duration;
/// use parking_lot::{Condvar, Mutex};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
/// let mut guard = mutex.lock();
/// let result = gc_core::blocking::parking_lot::wait_for(&mut m, &condvar, &mut guard, Duration::from_millis(1));
/// assert!(result.timed_out());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn wait_for<T: ?Sized>(
    mutator: &mut Mutator,
    condvar: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    time: Duration,
) -> WaitTimeoutResult {
    mutator.blocked(|| condvar.wait_for(guard, time))
}
