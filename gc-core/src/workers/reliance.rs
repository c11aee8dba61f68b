//! Whether GC workers are relied on: not for a while after a leader had to wait for one that the
//! system did not run.
//!
//! A busy worker has work in hand that no other thread can take. If the system runs another process
//! in its place, its leader waits as long as the scheduler likes. No leader can know that before.
//! So the wait is measured, and after a long one the next leaders work alone: at first [`LEAST`] of
//! them, twice as many each time that it happens again, at most [`MOST`]. Each session without such
//! a wait halves the number.

use core::time::Duration;

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How far the workers of one pool are relied on. One leader at a time uses it.
#[derive(Default)]
pub(crate) struct Reliance {
    /// How many leaders are still to work alone.
    alone: AtomicU32,
    /// How many do after the next long wait, at least.
    next: AtomicU32,
    /// The time that leaders have waited for busy workers, in nanoseconds.
    waited: AtomicU64,
}

/// After the first long wait, so many leaders work alone.
const LEAST: u32 = 8;
const MOST: u32 = 64;
/// A longer wait is not that of a leader whose worker has an object more to do.
const LONG: Duration = Duration::from_micros(500);
/// What a leader may wait of the time that it leads, if that is more: one part in so many.
const SHARE: u32 = 4;

// Relaxed, in all of this file: figures of the leader, which the lock of the pool orders.
impl Reliance {
    /// Returns whether the next leader is to use workers, and counts it.
    pub(crate) fn is_given(&self) -> bool {
        let alone = self.alone.load(Ordering::Relaxed);
        self.alone.store(alone.saturating_sub(1), Ordering::Relaxed);
        alone == 0
    }

    /// Records that a leader has waited for so long in a session that took `time`.
    pub(crate) fn note(&self, waited: Duration, time: Duration) {
        let next = self.next.load(Ordering::Relaxed);
        if waited > LONG.max(time / SHARE) {
            let alone = next.clamp(LEAST, MOST);
            self.alone.store(alone, Ordering::Relaxed);
            self.next.store((2 * alone).min(MOST), Ordering::Relaxed);
        } else {
            self.next.store(next / 2, Ordering::Relaxed);
        }
        self.waited.fetch_add(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns for how long leaders have waited.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(1);

    /// Returns how many leaders work alone next.
    fn alone(reliance: &Reliance) -> usize {
        core::iter::repeat_with(|| reliance.is_given()).take_while(|given| !given).count()
    }

    #[test]
    fn leaders_work_alone_longer_each_time_and_less_long_when_workers_come() {
        let reliance = Reliance::default();
        assert_eq!(alone(&reliance), 0);
        for expected in [8, 16, 32, 64, 64] {
            reliance.note(2 * LONG, TIME);
            assert_eq!(alone(&reliance), expected);
        }
        for _ in 0..3 {
            reliance.note(Duration::ZERO, TIME);
        }
        reliance.note(2 * LONG, TIME);
        assert_eq!(alone(&reliance), 8);
        assert_eq!(reliance.waited(), 12 * LONG);
    }

    #[test]
    fn a_wait_that_is_a_small_part_of_a_long_session_is_no_reason() {
        let reliance = Reliance::default();
        reliance.note(2 * LONG, 100 * LONG);
        reliance.note(LONG, TIME);
        assert_eq!(alone(&reliance), 0);
    }
}
