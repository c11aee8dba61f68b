//! Threads that sleep on a word until it changes, by the system's futexes.

use core::{sync::atomic::AtomicU32, time::Duration};
use std::{io, time::Instant};

use rustix::thread::futex::{self, Flags, Timespec};

/// Sleeps while the word is `value`, or until it is woken, for `time` at most. Returns whether the
/// time ran out.
pub(super) fn sleep(word: &AtomicU32, value: u32, time: Option<Duration>) -> bool {
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

/// Wakes so many of the threads that sleep on a word. Returns how many there were.
pub(super) fn wake(word: &AtomicU32, threads: u32) -> usize {
    // It fails for no word of this process.
    futex::wake(word, Flags::PRIVATE, threads).unwrap_or(0)
}
