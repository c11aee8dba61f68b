//! The table of a heap's registered objects.
//!
//! It consists of shards, each with a lock. An entry is in the shard of its object's address.
//! Mutators look up and add entries; the leader of a pause takes the young ones out and puts them
//! back under their new addresses; the thread that clears walks the old ones ([entries.downward]).
//!
//! - **[table.looked-up-once]** A thread looks an entry up and adds the missing one in one hold of
//!   the shard's lock. So threads that ask at once get the same entry, with one id and one weak
//!   cell. A cell is made without the lock, as that may take long: the thread looks again, and
//!   leaves its cell to the collector if another thread's was first.
//!
//! The models are `models/protocols/identity.rs`, `models/protocols/clearing.rs` and
//! `models/protocols/samples.rs`.

use core::ptr::NonNull;
use std::collections::HashSet;

use crate::{
    object::{Flag, Header},
    sync::{
        Arc, Mutex, MutexGuard, RawLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mutant, raw,
    },
};

use super::{
    cell::WeakCell,
    entries::{AddressHasher, Entries, Entry},
    extras::{Extras, Watcher},
    generations::Generations,
    queues::{QueueId, Queues},
    sample::Sample,
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

/// A model has as few objects that it may schedule at as possible.
pub(crate) const SHARDS: usize = if cfg!(any(gc_loom, gc_shuttle)) { 1 } else { 16 };

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
        self.shards[shard_of(object, self.shards.len())].lock()
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
        let mut shard = &mut *guard;
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
        if mutant::ENTRY_IS_ADDED_LATE.is_planted() {
            MutexGuard::unlocked(&mut guard, || ());
            shard = &mut *guard;
        }
        // Relaxed: a number of its own; the lock orders the entry.
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // SAFETY: the caller's: an object.
        unsafe { Header::of(object.as_ptr()).raise(Flag::Registered) };
        let mut entry = Entry { object, id, cell: None, extras: None, is_known: false };
        let result = with(&mut entry);
        if entry.is_idle() {
            return result;
        }
        let is_young = shard.insert(generations, entry);
        self.count(if is_young { &self.young } else { &self.old }, 1);
        result
    }

    /// Calls `with` with the entry of an object, if there is one.
    #[inline]
    pub(crate) fn with_existing<R>(&self, object: NonNull<u8>, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut guard = self.shard(object);
        let shard = &mut *guard;
        shard.young.get_mut(object).or_else(|| shard.old.get_mut(object)).map(with)
    }

    /// Does the same for what may leave the entry without use: it goes then.
    pub(crate) fn with_leaving<R>(&self, object: NonNull<u8>, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let mut guard = self.shard(object);
        let shard = &mut *guard;
        for (entries, count) in [(&mut shard.young, &self.young), (&mut shard.old, &self.old)] {
            if let Some(entry) = entries.get_mut(object) {
                let result = with(entry);
                if entry.is_idle() {
                    entries.remove(object);
                    self.count(count, -1);
                }
                return Some(result);
            }
        }
        None
    }

    /// Returns the weak cell of an object. `make` makes one that points nowhere, if there is none.
    /// `keep` keeps one that was there: nothing may lead to it but the entry ([clearing.cells]).
    ///
    /// # Safety
    ///
    /// As for [`with_entry`](Self::with_entry). What `make` returns is valid to write, and nothing
    /// else leads to it.
    pub(crate) unsafe fn weak_cell(
        &self,
        generations: Generations<'_>,
        object: NonNull<u8>,
        keep: impl Fn(NonNull<WeakCell>),
        make: impl FnOnce() -> NonNull<WeakCell>,
    ) -> NonNull<WeakCell> {
        let late = mutant::CELL_IS_KEPT_LATE.is_planted();
        let found = |entry: &mut Entry| {
            entry.cell.inspect(|&cell| {
                if !late {
                    keep(cell)
                }
            })
        };
        if let Some(cell) = self.with_existing(object, found).flatten() {
            if late {
                keep(cell);
            }
            return cell;
        }
        let made = make();
        let found_or_made = |entry: &mut Entry| {
            let other = if mutant::CELL_IS_LOOKED_FOR_ONCE.is_planted() { None } else { found(entry) };
            other.unwrap_or_else(|| {
                // SAFETY: the caller's.
                unsafe { made.write(WeakCell::new(object, entry.id)) };
                *entry.cell.insert(made)
            })
        };
        // SAFETY: the caller's.
        unsafe { self.with_entry(generations, object, found_or_made) }
    }

    /// Makes an object a sample, unless the session of the sample has ended.
    ///
    /// # Safety
    ///
    /// As for [`with_entry`](Self::with_entry).
    pub(crate) unsafe fn add_sample(&self, generations: Generations<'_>, object: NonNull<u8>, sample: Sample) {
        if mutant::SESSION_IS_LOOKED_AT_EARLY.is_planted() && sample.has_ended() {
            return;
        }
        let add = |entry: &mut Entry| {
            // Under the lock: [sites.forgotten].
            if mutant::SESSION_IS_LOOKED_AT_EARLY.is_planted() || !sample.has_ended() {
                entry.extras_mut().sample = Some(sample);
            }
        };
        // SAFETY: the caller's.
        unsafe { self.with_entry(generations, object, add) }
    }

    /// Adds an entry of an object that has none, unless it is of no more use.
    pub(crate) fn insert(&self, generations: Generations<'_>, mut entry: Entry) {
        let mut shard = self.shard(entry.object);
        // Under the lock: [sites.forgotten].
        entry.forget_sample();
        if entry.is_idle() {
            return;
        }
        let is_young = shard.insert(generations, entry);
        // Under the lock: a thread that runs no mutator may end a session, and remove the entry at once.
        self.count(if is_young { &self.young } else { &self.old }, 1);
    }

    /// Puts entries back that were taken, under their new addresses. The world is stopped, so
    /// nobody waits for the locks. Those that are of no more use without a sample go.
    pub(crate) fn put_back(&self, generations: Generations<'_>, entries: impl Iterator<Item = Entry>) {
        let mut shards = self.shards.each_ref().map(Mutex::lock);
        let (mut young, mut old) = (0, 0);
        for mut entry in entries {
            // Under the locks: [sites.forgotten].
            if !mutant::SAMPLES_ARE_PUT_BACK.is_planted() {
                entry.forget_sample();
            }
            if entry.is_idle() {
                continue;
            }
            let is_young = shards[shard_of(entry.object, self.shards.len())].insert(generations, entry);
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

    /// Calls `visit` with up to `count` entries of which nothing is young, in the shard of this
    /// number, from the place before `end` down ([entries.downward]). Returns the end of what is
    /// left, 0 when nothing is.
    pub(crate) fn walk_old(&self, shard: usize, end: usize, count: usize, mut visit: impl FnMut(&mut Entry)) -> usize {
        let mut shard = self.shards[shard].lock();
        let end = end.min(shard.old.len());
        let first = end.saturating_sub(count);
        (first..end).rev().for_each(|place| visit(shard.old.at_mut(place)));
        first
    }

    /// Drops the samples of sessions that have ended, and the entries that are of no more use
    /// without them, some at a time ([sites.forgotten]).
    pub(crate) fn forget_samples(&self) {
        const SLICE: usize = 512;
        for shard in &self.shards {
            for (of_shard, count) in
                [(Shard::young_mut as fn(&mut Shard) -> &mut Entries, &self.young), (Shard::old_mut, &self.old)]
            {
                let mut end = usize::MAX;
                while end > 0 {
                    let shard = &mut *shard.lock();
                    let entries = of_shard(shard);
                    end = end.min(entries.len());
                    let first = end.saturating_sub(SLICE);
                    // [entries.downward]
                    for place in (first..end).rev() {
                        let entry = entries.at_mut(place);
                        entry.forget_sample();
                        if entry.is_idle() {
                            let object = entry.object;
                            entries.remove(object);
                            self.count(count, -1);
                        }
                    }
                    end = first;
                }
            }
        }
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
        // They need a mutator.
        self.queues.forsake(self.callbacks);
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
    fn young_mut(&mut self) -> &mut Entries {
        &mut self.young
    }

    fn old_mut(&mut self) -> &mut Entries {
        &mut self.old
    }

    /// Adds an entry of an object that has none. Returns whether something of it is young.
    fn insert(&mut self, generations: Generations<'_>, entry: Entry) -> bool {
        let is_young = has_young(generations, &entry);
        (if is_young { &mut self.young } else { &mut self.old }).insert(entry);
        is_young
    }
}

/// Returns which of `shards` shards an object's entry is in.
fn shard_of(object: NonNull<u8>, shards: usize) -> usize {
    // The index of a shard hashes the same address: it uses other bits.
    (AddressHasher::hash(object.addr().get()) >> 32) as usize % shards
}

/// Returns whether something of an entry is young ([registered.young]).
fn has_young(generations: Generations<'_>, entry: &Entry) -> bool {
    let is_young = |address: usize| generations.is_young(address);
    is_young(entry.object.addr().get()) || entry.cell.is_some_and(|cell| is_young(cell.addr().get()))
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        memory::{AddressMap, BLOCK},
        space::large::RunTable,
    };

    /// What a mutator does between two steps of a walk.
    #[derive(Clone, Copy, Debug)]
    enum Change {
        Nothing,
        Adds,
        /// The entry of this object goes.
        Removes(usize),
        /// It gets a weak cell, which is young.
        Downgrades(usize),
    }

    impl Change {
        /// Returns all changes of entries of `objects` objects.
        fn all(objects: usize) -> Vec<Self> {
            let of_one = (0..objects).flat_map(|object| [Self::Removes(object), Self::Downgrades(object)]);
            [Self::Nothing, Self::Adds].into_iter().chain(of_one).collect()
        }
    }

    fn entry(object: NonNull<u8>) -> Entry {
        Entry { object, id: 1, cell: None, extras: None, is_known: true }
    }

    fn address(address: usize) -> NonNull<u8> {
        NonNull::new(core::ptr::without_provenance_mut(address)).unwrap()
    }

    /// Walks the entries of `objects`, in steps, with `changes` between them, `each` at a time.
    /// Checks that those that stay are met.
    fn walk(generations: Generations<'_>, objects: &[NonNull<u8>], step: usize, changes: &[Change], each: usize) {
        let (table, shard) = (Table::new(), shard_of(objects[0], SHARDS));
        objects.iter().for_each(|&object| table.insert(generations, entry(object)));
        let (mut stay, mut met): (HashSet<_>, HashSet<_>) = (objects.iter().copied().collect(), HashSet::new());
        // Objects of the same shard that come later.
        let mut others = in_shard(generations, shard).filter(|object| !objects.contains(object));
        let mut changes = changes.chunks(each);
        let mut end = usize::MAX;
        while end > 0 {
            end = table.walk_old(shard, end, step, |entry| {
                met.insert(entry.object);
            });
            for &change in changes.next().unwrap_or_default() {
                match change {
                    Change::Nothing => {}
                    Change::Adds => table.insert(generations, entry(others.next().unwrap())),
                    Change::Removes(object) => {
                        stay.remove(&objects[object]);
                        table.remove_old(objects[object]);
                    }
                    Change::Downgrades(object) if stay.remove(&objects[object]) => {
                        let cell = address(generations.map.young.start).cast();
                        // SAFETY: there is an entry, so no header is written.
                        unsafe { table.with_entry(generations, objects[object], |entry| entry.cell = Some(cell)) };
                    }
                    Change::Downgrades(_) => {}
                }
            }
        }
        assert!(met.is_superset(&stay), "{:?} are not met", stay.difference(&met));
    }

    /// Returns addresses of old objects whose entries are in one shard.
    fn in_shard(generations: Generations<'_>, shard: usize) -> impl Iterator<Item = NonNull<u8>> {
        let start = generations.map.old.start;
        (0..).map(move |number| address(start + 16 * number)).filter(move |&object| shard_of(object, SHARDS) == shard)
    }

    /// [entries.downward]
    #[test]
    fn a_walk_meets_what_was_there_and_stays() {
        let map = AddressMap::new(address(BLOCK), BLOCK, BLOCK, 4 * BLOCK);
        let runs = RunTable::new(map).unwrap();
        let generations = Generations { map, runs: &runs };
        for (objects, each) in [(4, 1), (3, 2), (1, 1)] {
            let changes = Change::all(objects);
            let objects: Vec<_> = in_shard(generations, 3).take(objects).collect();
            for step in 1..=2 {
                let steps = objects.len().div_ceil(step) as u32;
                let scripts = changes.len().pow((steps - 1) * each);
                for script in 0..scripts {
                    let digits = (0..(steps - 1) * each).map(|digit| script / changes.len().pow(digit) % changes.len());
                    let script: Vec<_> = digits.map(|digit| changes[digit]).collect();
                    walk(generations, &objects, step, &script, each as usize);
                }
            }
        }
    }

    #[test]
    fn an_entry_is_young_while_its_object_or_its_cell_is() {
        let map = AddressMap::new(address(BLOCK), BLOCK, BLOCK, 4 * BLOCK);
        let runs = RunTable::new(map).unwrap();
        let generations = Generations { map, runs: &runs };
        let (young, old) = (address(map.young.start), address(map.old.start));
        let table = Table::new();
        table.insert(generations, entry(young));
        table.insert(generations, entry(old));
        assert_eq!((table.young_len(), table.old_len()), (1, 1));
        // SAFETY: there is an entry, so no header is written.
        unsafe { table.with_entry(generations, old, |entry| entry.cell = Some(young.cast())) };
        assert_eq!((table.young_len(), table.old_len()), (2, 0));
        assert!(table.remove_old(old).is_none() && table.with_existing(old, |_| ()).is_some());
        let taken: HashSet<_> = table.take_young().into_iter().map(|entry| entry.object).collect();
        assert_eq!(taken, [young, old].into());
        assert_eq!((table.len(), table.bytes()), (0, 0));
    }
}
