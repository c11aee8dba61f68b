//! Waiting for other threads without delaying a collection: [`Mutator::blocked`] around what
//! programs wait on.
//!
//! The module itself is for the standard library, [`parking_lot`] for that crate's locks,
//! `crossbeam` (with the feature of that name) for the channels of `crossbeam-channel`. For
//! anything else call `blocked` itself: for a socket, a child process, a lock of another library.
//!
//! A thread that waits outside of `blocked` delays every collection. It deadlocks if the thread
//! that it waits for needs one.
//!
//! ```
//! use gc_core::blocking;
//! # let heap = gc_core::Heap::builder().build()?;
//! # let mut m = heap.attach()?;
//! let there = heap.clone();
//! let worker = std::thread::spawn(move || {
//!     let m = there.attach().unwrap(); // needs this thread at a safepoint, or blocked
//!     *m.alloc(6) * 7
//! });
//! assert_eq!(blocking::join(&mut m, worker).unwrap(), 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every wait goes into a call of its own. Where workers share a receiver under a mutex, the lock
//! is one of them: in `recv(m, &jobs.lock().unwrap())` the thread waits for the lock outside of
//! `blocked`, for as long as another worker waits for a job, and no collection begins meanwhile.
//! Lock, receive, and drop the guard:
//!
//! ```
//! use gc_core::{Mutator, blocking};
//! use std::sync::{Mutex, mpsc::{Receiver, RecvError}};
//!
//! fn next_job<T>(m: &mut Mutator, jobs: &Mutex<Receiver<T>>) -> Result<T, RecvError> {
//!     let queue = blocking::lock(m, jobs).expect("no worker panicked");
//!     blocking::recv(m, &queue) // the guard is dropped after it
//! }
//! # let heap = gc_core::Heap::builder().build()?;
//! # let mut m = heap.attach()?;
//! # let (send, receive) = std::sync::mpsc::channel();
//! # send.send(7)?;
//! # assert_eq!(next_job(&mut m, &Mutex::new(receive))?, 7);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{
    sync::{
        Barrier, Condvar, LockResult, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult,
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::Mutator;

#[cfg(feature = "crossbeam")]
pub mod crossbeam;
pub mod parking_lot;

/// Waits for a thread to end. With [`JoinHandle::join`] itself, no collection begins until it has
/// ended, and it never ends if it wants one, or has still to attach.
///
/// # Errors
///
/// Returns the thread's panic, as [`JoinHandle::join`] does.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert_eq!(gc_core::blocking::join(&mut m, std::thread::spawn(|| 42)).unwrap(), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn join<T>(mutator: &mut Mutator, thread: JoinHandle<T>) -> thread::Result<T> {
    mutator.blocked(|| thread.join())
}

/// Runs [`thread::scope`], blocked from its beginning to its end: for threads that borrow from this
/// one. Inside `body`, this thread has no mutator.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let root = m.root(m.alloc_str("seen by all"));
/// gc_core::blocking::scope(&mut m, |scope| {
///     for _ in 0..2 {
///         scope.spawn(|| assert_eq!(&*root.get(&heap.attach().unwrap()), "seen by all"));
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn scope<'env, R>(
    mutator: &mut Mutator,
    body: impl for<'scope> FnOnce(&'scope thread::Scope<'scope, 'env>) -> R,
) -> R {
    mutator.blocked(|| thread::scope(body))
}

/// Locks a mutex. If it is free and no collection is due, this costs what [`Mutex::try_lock`]
/// costs.
///
/// The guard may be held across safepoints. Then every mutator that waits for it must wait blocked,
/// too.
///
/// # Errors
///
/// Returns the guard in an error, if the mutex is poisoned.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let count = std::sync::Mutex::new(0);
/// *gc_core::blocking::lock(&mut m, &count).unwrap() += 1;
/// assert_eq!(count.into_inner().unwrap(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn lock<'a, T: ?Sized>(mutator: &mut Mutator, mutex: &'a Mutex<T>) -> LockResult<MutexGuard<'a, T>> {
    if mutator.safepoint_pending() {
        return mutator.blocked(|| mutex.lock());
    }
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(std::sync::TryLockError::Poisoned(guard)) => Err(guard),
        Err(std::sync::TryLockError::WouldBlock) => mutator.blocked(|| mutex.lock()),
    }
}

/// Locks a lock for reading. The thread is blocked even if the lock is free.
///
/// # Errors
///
/// Returns the guard in an error, if the lock is poisoned.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let name = std::sync::RwLock::new("Ada");
/// assert_eq!(*gc_core::blocking::read(&mut m, &name).unwrap(), "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn read<'a, T: ?Sized>(mutator: &mut Mutator, lock: &'a RwLock<T>) -> LockResult<RwLockReadGuard<'a, T>> {
    mutator.blocked(|| lock.read())
}

/// Locks a lock for writing. The thread is blocked even if the lock is free.
///
/// # Errors
///
/// Returns the guard in an error, if the lock is poisoned.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let name = std::sync::RwLock::new("Ada");
/// *gc_core::blocking::write(&mut m, &name).unwrap() = "Charles";
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn write<'a, T: ?Sized>(mutator: &mut Mutator, lock: &'a RwLock<T>) -> LockResult<RwLockWriteGuard<'a, T>> {
    mutator.blocked(|| lock.write())
}

/// Waits for a condition variable to be notified, once: call it in a loop that tests the condition.
///
/// # Errors
///
/// Returns the guard in an error, if the mutex is poisoned.
///
/// ```
/// use gc_core::blocking;
/// use std::sync::{Arc, Condvar, Mutex};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let ready = Arc::new((Mutex::new(false), Condvar::new()));
/// let worker = {
///     let ready = ready.clone();
///     std::thread::spawn(move || {
///         *ready.0.lock().unwrap() = true;
///         ready.1.notify_one();
///     })
/// };
/// let mut guard = blocking::lock(&mut m, &ready.0).unwrap();
/// while !*guard {
///     guard = blocking::wait(&mut m, &ready.1, guard).unwrap();
/// }
/// # drop(guard);
/// # blocking::join(&mut m, worker).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn wait<'a, T>(
    mutator: &mut Mutator,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
) -> LockResult<MutexGuard<'a, T>> {
    mutator.blocked(|| condvar.wait(guard))
}

/// Waits as [`wait`] does, for at most `time`. Returns the guard and whether the time ran out.
///
/// # Errors
///
/// Returns both in an error, if the mutex is poisoned.
///
/// ```
/// # use std::{sync::{Condvar, Mutex}, time::Duration};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (mutex, condvar) = (Mutex::new(()), Condvar::new());
/// let (guard, timeout) =
///     gc_core::blocking::wait_timeout(&mut m, &condvar, mutex.lock().unwrap(), Duration::from_millis(1)).unwrap();
/// # drop(guard);
/// # let _ = timeout;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn wait_timeout<'a, T>(
    mutator: &mut Mutator,
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    time: Duration,
) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
    mutator.blocked(|| condvar.wait_timeout(guard, time))
}

/// Waits at a barrier. Returns whether this thread is the barrier's leader.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// assert!(gc_core::blocking::barrier(&mut m, &std::sync::Barrier::new(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn barrier(mutator: &mut Mutator, barrier: &Barrier) -> bool {
    mutator.blocked(|| barrier.wait().is_leader())
}

/// Receives from a channel.
///
/// Blocked is what happens inside, not what makes the argument. If the receiver is behind a mutex
/// that other threads hold while they receive, `recv(m, &jobs.lock().unwrap())` may wait for ever:
/// wait for the lock by [`lock`], too, in a statement of its own.
///
/// ```
/// # use gc_core::{Heap, blocking};
/// # use std::sync::{Mutex, mpsc};
/// # let heap = Heap::builder().build()?;
/// # let m = &mut heap.attach()?;
/// # let (send, receive) = mpsc::channel();
/// # send.send(7)?;
/// # let jobs = Mutex::new(receive);
/// let queue = blocking::lock(m, &jobs).expect("no worker panicked");
/// let job = blocking::recv(m, &queue);
/// drop(queue); // another worker may receive while this one works
/// assert_eq!(job?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If every sender is gone and the channel is empty.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = std::sync::mpsc::channel();
/// send.send(7)?;
/// assert_eq!(gc_core::blocking::recv(&mut m, &receive)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn recv<T>(mutator: &mut Mutator, receiver: &mpsc::Receiver<T>) -> Result<T, mpsc::RecvError> {
    mutator.blocked(|| receiver.recv())
}

/// Sends to a bounded channel.
///
/// # Errors
///
/// Returns the value in an error, if the receiver is gone.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = std::sync::mpsc::sync_channel(1);
/// gc_core::blocking::send(&mut m, &send, 7)?;
/// assert_eq!(receive.recv()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn send<T>(mutator: &mut Mutator, sender: &mpsc::SyncSender<T>, value: T) -> Result<(), mpsc::SendError<T>> {
    mutator.blocked(|| sender.send(value))
}

/// Receives from a channel, and gives up after `time`.
///
/// # Errors
///
/// If nothing came in time, or if every sender is gone and the channel is empty.
///
/// ```
/// # use std::time::Duration;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = std::sync::mpsc::channel::<()>();
/// assert!(gc_core::blocking::recv_timeout(&mut m, &receive, Duration::from_millis(1)).is_err());
/// # drop(send);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn recv_timeout<T>(
    mutator: &mut Mutator,
    receiver: &mpsc::Receiver<T>,
    time: Duration,
) -> Result<T, mpsc::RecvTimeoutError> {
    mutator.blocked(|| receiver.recv_timeout(time))
}

/// Sleeps for `time`.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// gc_core::blocking::sleep(&mut m, std::time::Duration::from_millis(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn sleep(mutator: &mut Mutator, time: Duration) {
    mutator.blocked(|| thread::sleep(time));
}
