//! What a worker of an evacuation knows of ephemerons.

use core::mem;

use crate::object::PairList;

/// A worker's part in ephemerons.
#[derive(Default)]
pub(super) struct Pairs {
    /// Pairs whose keys were not reached when the worker traced them.
    pub(super) undecided: PairList,
    /// The addresses of keys that were reached since the leader began to decide. `None` before that.
    pub(super) keys: Option<Vec<*mut u8>>,
    /// How often a pair was looked at.
    pub(super) looks: u64,
    pub(super) cleared: u64,
}

impl Pairs {
    /// Notes that a key is reached, by its address when the pause began. Before the leader decides, nobody asks.
    #[cold]
    pub(super) fn key_is_reached(&mut self, address: *mut u8) {
        if let Some(keys) = &mut self.keys {
            keys.push(address);
        }
    }

    /// Adds what another worker has not decided, and what it has counted. It has nothing left to do.
    pub(super) fn take_over(&mut self, other: &mut Self) {
        let mut undecided = mem::take(&mut other.undecided);
        while let Some(pair) = undecided.pop() {
            self.undecided.push(pair);
        }
        self.looks += mem::take(&mut other.looks);
    }
}
