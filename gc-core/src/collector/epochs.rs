//! What has been done so far, by number: stops, by which cells tell a guard of before; and collections, by which a request tells what was
//! done since it was made.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The stops and collections of one heap.
pub(crate) struct Epochs {
    /// How often this heap was stopped.
    stops: AtomicU64,
    /// The last stop of this heap among those of the process: see `CellWord`.
    stop: AtomicU64,
    /// Twice the number of collections, plus one while one runs.
    collections: AtomicU64,
}

/// A number for a stop that no other one in the process has, up to `object::cell_word::LAST_STOP`.
fn next_stop() -> u64 {
    static STOPS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: a number that nobody else has.
    STOPS.fetch_add(1, Ordering::Relaxed) + 1
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self { stops: AtomicU64::new(1), stop: AtomicU64::new(next_stop()), collections: AtomicU64::new(0) }
    }

    /// Counts a stop of this heap. Returns its number among those of the process. The world is stopped; the caller leads.
    pub(crate) fn count_stop(&self) -> u64 {
        let stop = next_stop();
        // Relaxed, both: mutators and the marker learn it in stops only.
        self.stops.fetch_add(1, Ordering::Relaxed);
        self.stop.store(stop, Ordering::Relaxed);
        stop
    }

    /// How often this heap was stopped.
    pub(crate) fn stops(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stops.load(Ordering::Relaxed)
    }

    /// The last stop of this heap among those of the process.
    pub(crate) fn stop(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stop.load(Ordering::Relaxed)
    }

    /// A collection begins. Returns what [`collections`](Self::collections) is while it runs. The caller leads.
    pub(crate) fn begin_collection(&self) -> u64 {
        // Release, with the Acquire in `collections`.
        self.collections.fetch_add(1, Ordering::Release) + 1
    }

    /// It has ended.
    pub(crate) fn end_collection(&self) {
        // Release: as above.
        self.collections.fetch_add(1, Ordering::Release);
    }

    /// Twice the number of collections, plus one while one runs.
    pub(crate) fn collections(&self) -> u64 {
        // Acquire, with the leader's Release: a collection that is over by now is seen to be.
        self.collections.load(Ordering::Acquire)
    }
}
