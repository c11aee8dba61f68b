//! Numbers of what the collector has done. By the number of a stop, a cell recognises a guard from
//! before that stop. By the number of a collection, a request recognises collections that began
//! after it was made.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The stops and collections of one heap.
pub(crate) struct Epochs {
    /// How often the world of this heap was stopped.
    stop_count: AtomicU64,
    /// The number of this heap's last stop among all stops of the process: see `CellWord`.
    stop_number: AtomicU64,
    /// What the last stop has decided about cells ([cell.exclusive]).
    exclusive: AtomicBool,
    /// Twice the number of collections, plus one while one runs.
    collections: AtomicU64,
}

/// Returns a number that no other stop in the process has, up to `object::cell_word::LAST_STOP`.
fn next_stop_number() -> u64 {
    static STOPS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: the read-modify-write makes the number unique, and the number guards no memory.
    STOPS.fetch_add(1, Ordering::Relaxed) + 1
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self {
            stop_count: AtomicU64::new(1),
            stop_number: AtomicU64::new(next_stop_number()),
            exclusive: AtomicBool::new(false),
            collections: AtomicU64::new(0),
        }
    }

    /// Counts a stop of this heap, after which the only mutator that there is uses cells for
    /// itself, if `exclusive`. Returns its number among the stops of the process. The world is
    /// stopped, and the caller is the leader.
    pub(crate) fn count_stop(&self, exclusive: bool) -> u64 {
        let number = next_stop_number();
        // Relaxed: under the registry lock, as where it is read.
        self.exclusive.store(exclusive, Ordering::Relaxed);
        // Relaxed, both: mutators and the concurrent thread read the numbers only after the rendezvous has ordered this.
        self.stop_count.fetch_add(1, Ordering::Relaxed);
        self.stop_number.store(number, Ordering::Relaxed);
        number
    }

    /// Returns whether, since the last stop, there is one mutator that uses cells for itself. The
    /// caller has the registry lock.
    pub(crate) fn is_exclusive(&self) -> bool {
        // Relaxed: as above.
        self.exclusive.load(Ordering::Relaxed)
    }

    /// Returns how often the world of this heap was stopped.
    pub(crate) fn stop_count(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stop_count.load(Ordering::Relaxed)
    }

    /// Returns the number of this heap's last stop among all stops of the process.
    pub(crate) fn stop_number(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stop_number.load(Ordering::Relaxed)
    }

    /// Counts the beginning of a collection. Returns the value that
    /// [`collections`](Self::collections) has while it runs. The caller leads the pause.
    pub(crate) fn begin_collection(&self) -> u64 {
        // Release, with the Acquire in `collections`.
        self.collections.fetch_add(1, Ordering::Release) + 1
    }

    /// Counts the end of that collection.
    pub(crate) fn end_collection(&self) {
        // Release: as above.
        self.collections.fetch_add(1, Ordering::Release);
    }

    /// Returns twice the number of collections, plus one while one runs.
    pub(crate) fn collections(&self) -> u64 {
        // Acquire, with the leader's Release: a caller that can know of the end of a collection finds it counted.
        self.collections.load(Ordering::Acquire)
    }
}
