//! Ephemerons that wait for their keys while the heap is marking.
//!
//! - **[waiting.marked-or-listed]** A marker that finds a key without a mark adds the pair to the
//!   list of the key, if it still has no mark then. Who marks the key takes that list after setting
//!   the mark. Both hold the lock of the key's shard: if the list is taken first, the other marker
//!   finds the mark, and otherwise the pair is in the list. So no pair is left whose key is marked,
//!   when no marker has work.
//! - **[waiting.at-the-end]** When marking is complete, the keys of all pairs that wait are dead.
//!   The pairs are live objects, and nothing is freed or moved before they are cleared.
//!
//! A lock here is held by a thread that has the state of marking, or marks for one, so none is held
//! in a fork ([mark.state]). The model is `models/protocols/waiting.rs`.

use core::{
    hash::{BuildHasherDefault, Hasher},
    mem,
    ptr::NonNull,
};
use std::{
    collections::{HashMap, hash_map},
    vec,
};

use crate::{
    memory::GRANULE,
    object::{PairList, PairRef},
    sync::{Mutex, mutant},
};

/// Pairs by their keys, in shards: markers rarely wait for each other, and no table is so large
/// that to grow it takes long.
pub(crate) struct Waiting([Mutex<Shard>; SHARDS]);

/// A model has as few objects that it may schedule at as possible.
const SHARDS: usize = if cfg!(any(gc_loom, gc_shuttle)) { 1 } else { 64 };

impl Waiting {
    pub(crate) fn new() -> Self {
        Self(core::array::from_fn(|_| Mutex::default()))
    }

    fn shard(&self, key: NonNull<u8>) -> &Mutex<Shard> {
        &self.0[key.addr().get() / SPAN % self.0.len()]
    }

    /// Has a pair wait for its key. Returns whether it need not, as the key is marked meanwhile
    /// ([waiting.marked-or-listed]).
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

    /// Clears up to `count` of the pairs that wait: their keys are dead ([waiting.at-the-end]), and
    /// calls `then` with each. Returns how many it has cleared. If that is less, none is left, and
    /// their memory is freed.
    pub(crate) fn clear_some(&self, count: usize, mut then: impl FnMut(PairRef)) -> usize {
        let mut cleared = 0;
        for shard in &self.0 {
            let mut table = shard.lock();
            while cleared < count {
                let Some(pair) = table.pop() else { break };
                pair.clear();
                then(pair);
                cleared += 1;
            }
        }
        cleared
    }

    /// Returns whether no pair waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|shard| shard.lock().is_empty())
    }

    /// Returns for how many keys pairs wait.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().len).sum()
    }

    /// Returns the bytes that the tables take.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().bytes()).sum()
    }
}

/// The bytes of the heap whose keys have their lists together. Keys beside each other have lists
/// beside each other then, so that marking along a chain misses the cache once for many; and a key
/// that is alone takes [`Lists`] of half a kilobyte.
const SPAN: usize = 1024;

/// Pairs by their keys.
#[derive(Default)]
struct Shard {
    /// The keys that have a list.
    len: usize,
    /// The lists of a span, by its number. None is empty.
    spans: HashMap<usize, Box<Lists>, BuildHasherDefault<SpanHasher>>,
    /// What [`pop`](Self::pop) has begun with.
    popping: Popping,
}

/// The pairs that wait for the objects of a span.
struct Lists {
    /// The granules that have a list.
    used: usize,
    lists: [PairList; SPAN / GRANULE],
}

/// A table that is being emptied, without a search for what is left.
#[derive(Default)]
struct Popping {
    spans: hash_map::IntoIter<usize, Box<Lists>>,
    /// Of the span that was taken last. In memory of its own: there are many shards.
    lists: vec::IntoIter<PairList>,
    list: PairList,
}

impl Shard {
    /// Adds a pair.
    fn join(&mut self, key: usize, pair: PairRef) {
        let (span, granule) = place(key);
        let lists = self.spans.entry(span).or_insert_with(Lists::boxed);
        let list = &mut lists.lists[granule];
        let is_first = usize::from(list.is_empty());
        list.push(pair);
        lists.used += is_first;
        self.len += is_first;
    }

    /// Takes the pairs that wait for this key.
    fn take(&mut self, key: usize) -> PairList {
        let (span, granule) = place(key);
        let Some(lists) = self.spans.get_mut(&span) else { return PairList::default() };
        let list = mem::take(&mut lists.lists[granule]);
        let is_taken = usize::from(!list.is_empty());
        lists.used -= is_taken;
        self.len -= is_taken;
        if lists.used == 0 {
            self.spans.remove(&span);
        }
        list
    }

    /// Takes any pair. The memory of the table is freed with the last one.
    fn pop(&mut self) -> Option<PairRef> {
        let popping = &mut self.popping;
        loop {
            if let Some(pair) = popping.list.pop() {
                return Some(pair);
            }
            if let Some(list) = popping.lists.next() {
                self.len -= usize::from(!list.is_empty());
                popping.list = list;
            } else if let Some((_, lists)) = popping.spans.next() {
                popping.lists = Vec::from(lists.lists).into_iter();
            } else if self.spans.is_empty() {
                *self = Self::default();
                return None;
            } else {
                popping.spans = mem::take(&mut self.spans).into_iter();
            }
        }
    }

    /// Returns whether no pair waits.
    fn is_empty(&self) -> bool {
        let Popping { spans, lists, list } = &self.popping;
        let no_lists = lists.as_slice().iter().all(PairList::is_empty);
        self.spans.is_empty() && spans.len() == 0 && no_lists && list.is_empty()
    }

    /// Returns the bytes that the table takes.
    fn bytes(&self) -> usize {
        let spans = self.spans.len() + self.popping.spans.len();
        spans * size_of::<Lists>() + self.spans.capacity() * (size_of::<(usize, Box<Lists>)>() + 1)
    }
}

/// Returns the span of a key, and its granule there.
fn place(key: usize) -> (usize, usize) {
    (key / SPAN, key % SPAN / GRANULE)
}

impl Lists {
    fn boxed() -> Box<Self> {
        Box::new(Self { used: 0, lists: [const { PairList::NONE }; SPAN / GRANULE] })
    }
}

/// Hashes the number of a span, by a multiplication (Knuth: *The Art of Computer Programming*,
/// volume 3, 6.4). Addresses are not chosen by the program.
#[derive(Default)]
struct SpanHasher(u64);

impl Hasher for SpanHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("gc-core: a span is hashed as a number")
    }

    fn write_usize(&mut self, span: usize) {
        // The table takes the low bits for the position, and the top seven for a first comparison.
        let product = (span as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
