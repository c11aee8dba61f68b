//! Entries, side by side in memory, found by the address of their object.
//!
//! - **[entries.downward]** An entry that is removed leaves its place to the last one, and a new
//!   one comes last. So a walk from the last place down to the first meets every entry that was
//!   there when it began and still is, whatever happens between its steps.

use core::{
    hash::{BuildHasherDefault, Hasher},
    ptr::NonNull,
};
use std::collections::HashMap;

use super::{
    cell::WeakCell,
    extras::{Extras, Watcher},
    queues::{QueueId, Queues},
};

/// What the heap knows of one object.
pub(crate) struct Entry {
    pub(crate) object: NonNull<u8>,
    pub(crate) id: u64,
    /// The weak cell, if there is one that points to the object.
    pub(crate) cell: Option<NonNull<WeakCell>>,
    pub(crate) extras: Option<Box<Extras>>,
    /// Whether the program knows the id, so that it must stay.
    pub(crate) is_known: bool,
}

impl Entry {
    /// Returns whether the entry is of no more use.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_known && self.cell.is_none() && self.extras.as_ref().is_none_or(|extras| extras.is_empty())
    }

    /// Forgets the weak cell, to which nothing leads any more. The identity stays if the cell has
    /// told it.
    ///
    /// # Safety
    ///
    /// The memory of the cell was not used again.
    pub(crate) unsafe fn forget_cell(&mut self) {
        // SAFETY: the caller's: a weak cell, dead or alive.
        self.is_known |= self.cell.take().is_some_and(|cell| unsafe { cell.as_ref() }.was_told());
    }

    /// Clears what leads weakly to the object, which is dead, and puts the news into the queues of
    /// those who watch. `cell`: where the weak cell is. Returns the queues that want to finalize
    /// the object. The sample stays until the entry goes: what is finalized, or leads to the object
    /// from there, may keep it.
    ///
    /// # Safety
    ///
    /// The memory of the cell was not used again.
    pub(crate) unsafe fn die(&mut self, cell: Option<NonNull<WeakCell>>, queues: &Queues) -> Vec<QueueId> {
        self.cell = None;
        if let Some(cell) = cell {
            // The cell tells the identity also when it is cleared, and the object may be finalized.
            self.is_known = true;
            // SAFETY: the caller's: a weak cell, dead or alive.
            unsafe { cell.as_ref() }.clear();
        }
        let Some(extras) = &mut self.extras else { return Vec::new() };
        for Watcher { queue, notice, .. } in extras.watchers.drain(..) {
            queues.tell(queue, notice);
        }
        let mut finalizers = core::mem::take(&mut extras.finalizers);
        self.trim_extras();
        finalizers.retain(|&queue| queues.is_open(queue));
        finalizers
    }

    /// Drops the sample, if its session has ended.
    pub(crate) fn forget_sample(&mut self) {
        if let Some(extras) = &mut self.extras {
            extras.sample.take_if(|sample| sample.has_ended());
            self.trim_extras();
        }
    }

    /// Returns the extras, which are made if there are none.
    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// Forgets the extras if nothing is left in them.
    pub(crate) fn trim_extras(&mut self) {
        self.extras.take_if(|extras| extras.is_empty());
    }
}

/// Entries, found by address.
#[derive(Default)]
pub(crate) struct Entries {
    dense: Vec<Entry>,
    /// The place of each object's entry.
    index: HashMap<usize, u32, BuildHasherDefault<AddressHasher>>,
}

impl Entries {
    pub(crate) fn len(&self) -> usize {
        self.dense.len()
    }

    pub(crate) fn get_mut(&mut self, object: NonNull<u8>) -> Option<&mut Entry> {
        let place = *self.index.get(&object.addr().get())?;
        Some(&mut self.dense[place as usize])
    }

    pub(crate) fn at_mut(&mut self, place: usize) -> &mut Entry {
        &mut self.dense[place]
    }

    /// Adds an entry for an object that has none here.
    pub(crate) fn insert(&mut self, entry: Entry) -> &mut Entry {
        let place =
            u32::try_from(self.dense.len()).expect("gc-core: fewer than four thousand million registered objects");
        let before = self.index.insert(entry.object.addr().get(), place);
        debug_assert!(before.is_none(), "an object has one entry");
        self.dense.push(entry);
        self.dense.last_mut().expect("it was pushed just now")
    }

    /// Removes the entry of an object.
    pub(crate) fn remove(&mut self, object: NonNull<u8>) -> Option<Entry> {
        let place = self.index.remove(&object.addr().get())?;
        let entry = self.dense.swap_remove(place as usize);
        if let Some(moved) = self.dense.get(place as usize) {
            self.index.insert(moved.object.addr().get(), place);
        }
        self.shrink_for(self.dense.len());
        Some(entry)
    }

    /// Moves all entries to `entries`. Keeps the memory for as many again, and gives back what is
    /// far more.
    pub(crate) fn drain_into(&mut self, entries: &mut Vec<Entry>) {
        let len = self.dense.len();
        self.index.clear();
        entries.append(&mut self.dense);
        self.shrink_for(len);
    }

    /// Gives memory back when most of it is empty with `len` entries.
    fn shrink_for(&mut self, len: usize) {
        if self.dense.capacity() > 4 * len.max(LEAST) {
            self.dense.shrink_to(2 * len);
            self.index.shrink_to(2 * len);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.dense.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.dense.iter_mut()
    }

    /// Returns the bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        // A byte of the table's own for each place of the index.
        let place = size_of::<(usize, u32)>() + 1;
        self.dense.capacity() * size_of::<Entry>() + self.index.capacity() * place * 8 / 7
    }
}

/// Returns the bytes of an entry that holds a sample, at least.
pub(crate) fn bytes_of_sample() -> usize {
    size_of::<Entry>() + size_of::<Extras>() + size_of::<(usize, u32)>() + 1
}

/// Entries for which memory is kept.
const LEAST: usize = 16;

/// Hashes an address: multiplies it, and folds the halves of the product.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

/// 2⁶⁴ divided by the golden ratio (Knuth: *The Art of Computer Programming*, 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl AddressHasher {
    pub(crate) fn hash(address: usize) -> u64 {
        let product = u128::from(address as u64) * u128::from(GOLDEN);
        (product as u64) ^ (product >> 64) as u64
    }
}

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("gc-core: an address is hashed as one word")
    }

    fn write_usize(&mut self, address: usize) {
        self.0 = Self::hash(address);
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    fn object(number: usize) -> NonNull<u8> {
        NonNull::new(core::ptr::without_provenance_mut(16 * (number + 1))).unwrap()
    }

    fn entry(number: usize) -> Entry {
        Entry { object: object(number), id: number as u64, cell: None, extras: None, is_known: true }
    }

    /// Checks that there are entries of these objects, and of no others.
    fn check(entries: &mut Entries, numbers: &[usize], of: usize) {
        assert_eq!(entries.len(), numbers.len());
        for number in 0..of {
            let found = entries.get_mut(object(number)).map(|entry| (entry.object, entry.id));
            assert_eq!(found, numbers.contains(&number).then_some((object(number), number as u64)));
        }
        let mut places: Vec<_> = (0..numbers.len()).map(|place| entries.at_mut(place).id as usize).collect();
        places.sort_unstable();
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        assert_eq!(places, numbers);
    }

    #[test]
    fn entries_are_found_whatever_goes() {
        const OF: usize = 5;
        // Each order in which five entries can go.
        for order in 0..5 * 4 * 3 * 2 {
            let mut entries = Entries::default();
            let mut there: Vec<_> = (0..OF).collect();
            there.iter().for_each(|&number| assert_eq!(entries.insert(entry(number)).id, number as u64));
            let mut rest = order;
            while !there.is_empty() {
                check(&mut entries, &there, OF);
                let gone = there.remove(rest % there.len());
                rest /= there.len() + 1;
                assert_eq!(entries.remove(object(gone)).map(|entry| entry.id), Some(gone as u64));
                assert!(entries.remove(object(gone)).is_none());
            }
            check(&mut entries, &[], OF);
        }
    }

    #[test]
    fn entries_may_come_and_go_in_turn() {
        let mut entries = Entries::default();
        for round in 0..100 {
            entries.insert(entry(round));
            entries.insert(entry(round + 1000));
            assert_eq!(entries.remove(object(round)).map(|entry| entry.id), Some(round as u64));
        }
        check(&mut entries, &(1000..1100).collect::<Vec<_>>(), 1200);
        let mut taken = Vec::new();
        entries.drain_into(&mut taken);
        assert_eq!(taken.len(), 100);
        check(&mut entries, &[], 1200);
    }

    #[test]
    fn what_is_empty_gives_its_memory_back() {
        const MANY: usize = 10_000;
        let mut entries = Entries::default();
        (0..MANY).for_each(|number| _ = entries.insert(entry(number)));
        let full = entries.bytes();
        assert!(full >= MANY * size_of::<Entry>());
        (LEAST..MANY).for_each(|number| _ = entries.remove(object(number)));
        check(&mut entries, &(0..LEAST).collect::<Vec<_>>(), MANY);
        assert!(entries.bytes() < full / 50, "{} bytes of {full} are kept", entries.bytes());
        (LEAST..MANY).for_each(|number| _ = entries.insert(entry(number)));
        let mut taken = Vec::new();
        entries.drain_into(&mut taken);
        assert_eq!((entries.len(), taken.len()), (0, MANY));
        entries.drain_into(&mut taken);
        // What is about to be put back needs its index again.
        assert!(entries.bytes() < full, "{} bytes of {full} are kept", entries.bytes());
    }

    #[test]
    fn addresses_are_spread() {
        // Neighbours, and objects that are a block apart, in the bits that choose a shard and in those of an index.
        for stride in [16, 64, 1 << 16, 1 << 20] {
            for shift in [0, 32, 57] {
                let mut hits = [0; 16];
                (1..=1600).for_each(|number| hits[(AddressHasher::hash(stride * number) >> shift) as usize % 16] += 1);
                assert!(hits.iter().all(|&hits| hits < 300), "{stride} bytes apart, from bit {shift} on: {hits:?}");
            }
        }
    }
}
