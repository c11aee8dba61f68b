//! Waiting for the channels of the `crossbeam-channel` crate, version 0.5, as [`blocking`](super)
//! does for the standard library's. With the feature `crossbeam`.
//!
//! For `recv(..) -> ..` and its like of `crossbeam_channel::select!`, which waits where it stands:
//! `m.blocked(|| select! { .. })`.

use std::time::Duration;

use crossbeam_channel::{
    Receiver, RecvError, RecvTimeoutError, Select, SelectTimeoutError, SelectedOperation, SendError, SendTimeoutError,
    Sender,
};

use crate::Mutator;

/// Receives from a channel.
///
/// # Errors
///
/// If every sender is gone and the channel is empty.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = crossbeam_channel::unbounded();
/// send.send(7)?;
/// assert_eq!(gc_core::blocking::crossbeam::recv(&mut m, &receive)?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn recv<T>(mutator: &mut Mutator, receiver: &Receiver<T>) -> Result<T, RecvError> {
    mutator.blocked(|| receiver.recv())
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
/// let (send, receive) = crossbeam_channel::unbounded::<()>();
/// assert!(gc_core::blocking::crossbeam::recv_timeout(&mut m, &receive, Duration::from_millis(1)).is_err());
/// # drop(send);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn recv_timeout<T>(mutator: &mut Mutator, receiver: &Receiver<T>, time: Duration) -> Result<T, RecvTimeoutError> {
    mutator.blocked(|| receiver.recv_timeout(time))
}

/// Sends to a channel. Waits while a bounded channel is full.
///
/// # Errors
///
/// Returns the value in an error, if every receiver is gone.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = crossbeam_channel::bounded(1);
/// gc_core::blocking::crossbeam::send(&mut m, &send, 7)?;
/// assert_eq!(receive.recv()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn send<T>(mutator: &mut Mutator, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
    mutator.blocked(|| sender.send(value))
}

/// Sends to a channel, and gives up after `time`.
///
/// # Errors
///
/// Returns the value in an error, if the channel stayed full, or if every receiver is gone.
///
/// ```
/// # use std::time::Duration;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = crossbeam_channel::bounded(0); // takes a value only while somebody receives
/// let refused = gc_core::blocking::crossbeam::send_timeout(&mut m, &send, 7, Duration::from_millis(1));
/// assert_eq!(refused.unwrap_err().into_inner(), 7);
/// # drop(receive);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn send_timeout<T>(
    mutator: &mut Mutator,
    sender: &Sender<T>,
    value: T,
    time: Duration,
) -> Result<(), SendTimeoutError<T>> {
    mutator.blocked(|| sender.send_timeout(value, time))
}

/// Waits until one of the operations is ready, and selects it.
///
/// # Panics
///
/// If `select` has no operations, as [`Select::select`] does.
///
/// ```
/// use crossbeam_channel::{Select, unbounded};
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let ((send, words), (_numbers_come_here, numbers)) = (unbounded::<&str>(), unbounded::<u64>());
/// send.send("first")?;
/// let mut select = Select::new();
/// let (word, number) = (select.recv(&words), select.recv(&numbers));
/// let ready = gc_core::blocking::crossbeam::select(&mut m, &mut select);
/// assert_eq!(ready.index(), word);
/// assert_eq!(ready.recv(&words)?, "first");
/// # let _ = number;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn select<'a>(mutator: &mut Mutator, select: &mut Select<'a>) -> SelectedOperation<'a> {
    mutator.blocked(|| select.select())
}

/// Waits as [`select`] does, for at most `time`.
///
/// # Errors
///
/// If no operation was ready in time.
///
/// ```
/// use crossbeam_channel::{Select, unbounded};
/// # use std::time::Duration;
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let (send, receive) = unbounded::<()>();
/// let mut select = Select::new();
/// select.recv(&receive);
/// assert!(gc_core::blocking::crossbeam::select_timeout(&mut m, &mut select, Duration::from_millis(1)).is_err());
/// # drop(send);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn select_timeout<'a>(
    mutator: &mut Mutator,
    select: &mut Select<'a>,
    time: Duration,
) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
    mutator.blocked(|| select.select_timeout(time))
}
