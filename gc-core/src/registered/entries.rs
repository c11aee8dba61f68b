//! Entries, side by side in memory, found by the address of their object.
//!
//! - **[entries.downward]** An entry that is removed leaves its place to the last one, and a new one comes last. So a walk from the
//!   last place down to the first meets every entry that was there when it began and still is, whatever happens between its steps.

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
        !self.is_known && self.cell.is_none() && self.extras.is_none()
    }

    /// Clears what leads weakly to the object, which is dead, and puts the news into the queues of those who watch. `cell`: where the weak
    /// cell is. Returns the queues that want to finalize the object.
    ///
    /// # Safety
    ///
    /// The memory of the cell was not used again.
    pub(crate) unsafe fn die(&mut self, cell: Option<NonNull<WeakCell>>, queues: &Queues) -> Vec<QueueId> {
        self.cell = None;
        if let Some(cell) = cell {
            // SAFETY: the caller's: a weak cell, dead or alive.
            unsafe { cell.as_ref() }.clear();
        }
        let Some(extras) = self.extras.take() else { return Vec::new() };
        for Watcher { queue, notice, .. } in extras.watchers {
            queues.tell(queue, notice);
        }
        let mut finalizers = extras.finalizers;
        finalizers.retain(|&queue| queues.is_open(queue));
        finalizers
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

    /// Moves all entries to `entries`. Keeps the memory for as many again, and gives back what is far more.
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

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;

    use super::{Entries, Entry};

    #[test]
    fn memory_stays_for_as_many_entries_and_goes_back_for_none() {
        let mut entries = Entries::default();
        let fill = |entries: &mut Entries| {
            for id in 1..=1000_u64 {
                let object = NonNull::without_provenance((16 * id as usize).try_into().unwrap());
                entries.insert(Entry { object, id, cell: None, extras: None, is_known: true });
            }
            entries.bytes()
        };
        let full = fill(&mut entries);
        let mut taken = Vec::new();
        entries.drain_into(&mut taken);
        assert_eq!((entries.len(), taken.len(), entries.bytes()), (0, 1000, full));
        assert_eq!(fill(&mut entries), full, "the memory was kept");
        entries.drain_into(&mut taken);
        entries.drain_into(&mut taken);
        assert_eq!(taken.len(), 2000);
        assert!(entries.bytes() < full / 10, "{} of {full} bytes", entries.bytes());
    }
}
