//! What a worker of an evacuation knows of ephemerons.

use core::{mem, ptr::NonNull};

use crate::object::PairList;

/// A worker's part in ephemerons.
#[derive(Default)]
pub(super) struct Pairs {
    /// Pairs whose keys were not reached when the worker traced them.
    pub(super) undecided: PairList,
    /// Pairs that have waited for keys which are reached now.
    pub(super) released: PairList,
    /// The keys for which the leader has had pairs wait.
    pub(super) keys: Vec<NonNull<u8>>,
    /// How often a pair was looked at.
    pub(super) looks: u64,
    pub(super) cleared: u64,
    /// Pairs of weak tables that were cleared ([pair.watched]).
    pub(super) watched: Vec<NonNull<u8>>,
}

impl Pairs {
    /// Adds what another worker has not decided, and what it has counted. It has nothing left to
    /// do.
    pub(super) fn take_over(&mut self, other: &mut Self) {
        let mut undecided = mem::take(&mut other.undecided);
        while let Some(pair) = undecided.pop() {
            self.undecided.push(pair);
        }
        self.looks += mem::take(&mut other.looks);
    }
}
