//! The table of a heap's registered objects.
//!
//! It consists of shards, each with a lock. An entry is in the shard of its object's address. Mutators look up and add entries; the
//! leader of a pause takes the young ones out and puts them back under their new addresses; the thread that clears walks the old ones
//! ([entries.downward]).

use core::ptr::NonNull;
use std::collections::HashSet;

use crate::{
    object::{Flag, Header},
    sync::{
        Arc, Mutex, MutexGuard, RawLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        raw,
    },
};

use super::{
    entries::{AddressHasher, Entries, Entry},
    extras::{Extras, Watcher},
    generations::Generations,
    queues::{QueueId, Queues},
};

/// The registered objects of a heap.
pub(crate) struct Table {
    shards: [Mutex<Shard>; SHARDS],
    /// The last id that was given.
    last_id: AtomicU64,
    /// How many entries there are, of young objects or cells and of others.
    young: AtomicUsize,
    old: AtomicUsize,
    /// How many entries the last pause has taken.
    taken: AtomicUsize,
    /// What the program takes.
    pub(crate) queues: Arc<Queues>,
    /// The queue of callbacks, which is always open.
    pub(crate) callbacks: QueueId,
}

pub(crate) const SHARDS: usize = 16;

#[derive(Default)]
struct Shard {
    young: Entries,
    old: Entries,
}

// SAFETY: these are addresses of objects; the code that has the lock is responsible for their use.
unsafe impl Send for Shard {}

impl Table {
    pub(crate) fn new() -> Self {
        let queues = Arc::new(Queues::new());
        Self {
            callbacks: queues.open_news(),
            queues,
            shards: core::array::from_fn(|_| Mutex::default()),
            last_id: AtomicU64::new(0),
            young: AtomicUsize::new(0),
            old: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
        }
    }

    /// Returns the words of the locks, for `collector::fork`.
    pub(crate) fn lock_words(&self) -> impl Iterator<Item = &RawLock> {
        self.shards.iter().map(raw).chain([self.queues.lock_word()])
    }

    fn shard(&self, object: NonNull<u8>) -> MutexGuard<'_, Shard> {
        self.shards[shard_of(object)].lock()
    }

    /// Calls `with` with the entry of an object, which is made if there is none.
    ///
    /// # Safety
    ///
    /// `object` is the address of an object that a running mutator of the heap has in hand.
    pub(crate) unsafe fn with_entry<R>(
        &self,
        generations: Generations<'_>,
        object: NonNull<u8>,
        with: impl FnOnce(&mut Entry) -> R,
    ) -> R {
        let mut guard = self.shard(object);
        let shard = &mut *guard;
        if let Some(entry) = shard.young.get_mut(object) {
            return with(entry);
        }
        if let Some(entry) = shard.old.get_mut(object) {
            let result = with(entry);
            // A cell that was made just now is young.
            if has_young(generations, entry) {
                let entry = shard.old.remove(object).expect("it was found just now");
                shard.young.insert(entry);
                self.count(&self.young, 1);
                self.count(&self.old, -1);
            }
            return result;
        }
        // Relaxed: a number of its own; the lock orders the entry.
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // SAFETY: the caller's: an object.
        unsafe { Header::of(object.as_ptr()).raise(Flag::Registered) };
        let mut entry = Entry { object, id, cell: None, extras: None, is_known: false };
        let result = with(&mut entry);
        let is_young = shard.insert(generations, entry);
        self.count(if is_young { &self.young } else { &self.old }, 1);
        result
    }

    /// Calls `with` with the entry of an object, if there is one.
    pub(crate) fn with_existing<R>(&self, object: NonNull<u8>, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut guard = self.shard(object);
        let shard = &mut *guard;
        shard.young.get_mut(object).or_else(|| shard.old.get_mut(object)).map(with)
    }

    /// Adds an entry of an object that has none.
    pub(crate) fn insert(&self, generations: Generations<'_>, entry: Entry) {
        let is_young = self.shard(entry.object).insert(generations, entry);
        self.count(if is_young { &self.young } else { &self.old }, 1);
    }

    /// Puts entries back that were taken, under their new addresses. The world is stopped, so nobody waits for the locks.
    pub(crate) fn put_back(&self, generations: Generations<'_>, entries: impl Iterator<Item = Entry>) {
        let mut shards = self.shards.each_ref().map(Mutex::lock);
        let (mut young, mut old) = (0, 0);
        for entry in entries {
            let is_young = shards[shard_of(entry.object)].insert(generations, entry);
            *(if is_young { &mut young } else { &mut old }) += 1;
        }
        self.count(&self.young, young);
        self.count(&self.old, old);
    }

    /// Removes the entry of an object of which nothing is young.
    pub(crate) fn remove_old(&self, object: NonNull<u8>) -> Option<Entry> {
        let removed = self.shard(object).old.remove(object);
        self.count(&self.old, -isize::from(removed.is_some()));
        removed
    }

    /// Removes the entry of an object, of which nothing is young, if `when` says so.
    pub(crate) fn remove_old_if(&self, object: NonNull<u8>, when: impl FnOnce(&mut Entry) -> bool) -> Option<Entry> {
        let mut shard = self.shard(object);
        let removed = if shard.old.get_mut(object).is_some_and(when) { shard.old.remove(object) } else { None };
        self.count(&self.old, -isize::from(removed.is_some()));
        removed
    }

    /// Takes all entries of which something is young. The world is stopped.
    pub(crate) fn take_young(&self) -> Vec<Entry> {
        let len = self.young_len();
        // Relaxed: the world is stopped. The first pause that finds none gives the memory back.
        if len == 0 && self.taken.swap(0, Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        self.taken.store(len, Ordering::Relaxed);
        let mut entries = Vec::with_capacity(len);
        for shard in &self.shards {
            shard.lock().young.drain_into(&mut entries);
        }
        // Relaxed: a figure; the locks order the entries.
        self.young.store(0, Ordering::Relaxed);
        entries
    }

    /// Calls `visit` with up to `count` entries of which nothing is young, in the shard of this number, from the place before `end` down
    /// ([entries.downward]). Returns the end of what is left, 0 when nothing is.
    pub(crate) fn walk_old(&self, shard: usize, end: usize, count: usize, mut visit: impl FnMut(&mut Entry)) -> usize {
        let mut shard = self.shards[shard].lock();
        let end = end.min(shard.old.len());
        let first = end.saturating_sub(count);
        (first..end).rev().for_each(|place| visit(shard.old.at_mut(place)));
        first
    }

    /// Returns the objects that are to be finalized, registered or in a queue.
    pub(crate) fn unfinalized(&self) -> HashSet<NonNull<u8>> {
        let mut objects = HashSet::new();
        self.with_extras(|object, extras| {
            if extras.finalizers.iter().any(|&queue| self.queues.is_open(queue)) {
                objects.insert(object);
            }
        });
        // SAFETY: a word of a queue, which the caller of `visit` passes.
        self.queues.visit(false, |word| objects.extend(NonNull::new(unsafe { word.cast::<*mut u8>().read() })));
        objects
    }

    /// Tells all news, of everything: the heap ends, and no other thread uses it.
    pub(crate) fn end(&self) {
        self.with_extras(|_, extras| {
            extras.watchers.drain(..).for_each(|Watcher { queue, notice, .. }| self.queues.tell(queue, notice))
        });
        self.queues.end();
    }

    /// Calls `visit` with the extras of every entry that has any.
    pub(crate) fn with_extras(&self, mut visit: impl FnMut(NonNull<u8>, &mut Extras)) {
        for shard in &self.shards {
            let Shard { young, old } = &mut *shard.lock();
            for entry in young.iter_mut().chain(old.iter_mut()) {
                if let Some(extras) = &mut entry.extras {
                    visit(entry.object, extras);
                    entry.trim_extras();
                }
            }
        }
    }

    /// Calls `visit` with every entry. The world is stopped.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Entry, bool)) {
        for shard in &self.shards {
            let shard = shard.lock();
            shard.young.iter().for_each(|entry| visit(entry, true));
            shard.old.iter().for_each(|entry| visit(entry, false));
        }
    }

    fn count(&self, entries: &AtomicUsize, by: isize) {
        // Relaxed: a figure; the locks order the entries.
        entries.fetch_add(by as usize, Ordering::Relaxed);
    }

    /// Returns how many entries have something young.
    pub(crate) fn young_len(&self) -> usize {
        // Relaxed: a figure, exact while the world is stopped.
        self.young.load(Ordering::Relaxed)
    }

    /// Returns how many entries have nothing young.
    pub(crate) fn old_len(&self) -> usize {
        // Relaxed: as above.
        self.old.load(Ordering::Relaxed)
    }

    /// Returns how many objects are registered.
    pub(crate) fn len(&self) -> usize {
        self.young_len() + self.old_len()
    }

    /// Returns the bytes of memory, without looking at the shards if they are empty.
    pub(crate) fn bytes(&self) -> usize {
        if self.len() == 0 {
            return 0;
        }
        self.queues.bytes()
            + self
                .shards
                .iter()
                .map(|shard| shard.lock())
                .map(|shard| shard.young.bytes() + shard.old.bytes())
                .sum::<usize>()
    }
}

impl Shard {
    /// Adds an entry of an object that has none. Returns whether something of it is young.
    fn insert(&mut self, generations: Generations<'_>, entry: Entry) -> bool {
        let is_young = has_young(generations, &entry);
        (if is_young { &mut self.young } else { &mut self.old }).insert(entry);
        is_young
    }
}

/// Returns the number of the shard of an object.
fn shard_of(object: NonNull<u8>) -> usize {
    // The index of a shard hashes the same address: it uses other bits.
    AddressHasher::hash(object.addr().get()) as usize >> 32 & (SHARDS - 1)
}

/// Returns whether something of an entry is young ([registered.young]).
fn has_young(generations: Generations<'_>, entry: &Entry) -> bool {
    let is_young = |address: usize| generations.is_young(address);
    is_young(entry.object.addr().get()) || entry.cell.is_some_and(|cell| is_young(cell.addr().get()))
}
