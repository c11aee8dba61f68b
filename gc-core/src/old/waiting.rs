//! Ephemerons that wait for their keys while the heap is marking.
//!
//! - **[waiting.marked-or-listed]** A marker that finds a key without a mark adds the pair to the list of the key, if it still has no mark
//!   then. Who marks the key takes that list after setting the mark. Both hold the lock of the key's shard: if the list is taken first, the other
//!   marker finds the mark, and otherwise the pair is in the list. So no pair is left whose key is marked, when no marker has work.
//! - **[waiting.at-the-end]** When marking is complete, the keys of all pairs that wait are dead. The pairs are live objects, and nothing is freed or moved
//!   before they are cleared.
//!
//! A lock here is held by a thread that has the state of marking, or marks for one, so none is held in a fork ([mark.state]).
//! The model is `models/protocols/waiting.rs`.

use core::ptr::NonNull;

use crate::{
    object::{PairList, PairRef, PairTable},
    sync::{Mutex, mutant},
};

/// Pairs by their keys, in shards: markers rarely wait for each other, and no table is so large that to grow it takes long.
pub(crate) struct Waiting([Mutex<PairTable>; SHARDS]);

/// A model has as few objects that it may schedule at as possible.
const SHARDS: usize = if cfg!(any(gc_loom, gc_shuttle)) { 1 } else { 64 };

impl Waiting {
    pub(crate) fn new() -> Self {
        Self(core::array::from_fn(|_| Mutex::default()))
    }

    fn shard(&self, key: NonNull<u8>) -> &Mutex<PairTable> {
        // By pages: objects beside each other have entries beside each other.
        &self.0[(key.addr().get() >> 12) % self.0.len()]
    }

    /// Has a pair wait for its key. Returns whether it need not, as the key is marked meanwhile ([waiting.marked-or-listed]).
    pub(crate) fn join(&self, key: NonNull<u8>, pair: PairRef, is_marked: impl FnOnce() -> bool) -> bool {
        let mut table = self.shard(key).lock();
        if !mutant::KEY_IS_LOOKED_AT_ONCE.is_planted() && is_marked() {
            return true;
        }
        table.join(key.addr().get(), pair);
        false
    }

    /// Takes the pairs that wait for a key, whose mark is set.
    pub(crate) fn take(&self, key: NonNull<u8>) -> PairList {
        self.shard(key).lock().take(key.addr().get())
    }

    /// Clears up to `count` of the pairs that wait: their keys are dead ([waiting.at-the-end]). Returns how many it has cleared. If that is less,
    /// none is left, and their memory is freed.
    pub(crate) fn clear_some(&self, count: usize) -> usize {
        let mut cleared = 0;
        for shard in &self.0 {
            let mut table = shard.lock();
            while cleared < count {
                let Some(pair) = table.pop() else { break };
                pair.clear();
                cleared += 1;
            }
        }
        cleared
    }

    /// Returns whether no pair waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|shard| shard.lock().is_empty())
    }

    /// Returns the bytes that the tables take.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().bytes()).sum()
    }
}
