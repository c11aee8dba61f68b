//! By crossbeam-epoch: the table of gc-core's contestant, whose values are freed when no thread can see them any more.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_epoch::{Atomic, Guard, Owned, pin};

use super::{Value, home, outcome, share};
use crate::{Outcome, workload::sizes};

/// An entry stays as long as its map.
struct Entry {
    key: u64,
    value: Atomic<Value>,
    next: Atomic<Entry>,
}

struct Map {
    chains: Vec<Atomic<Entry>>,
    len: AtomicUsize,
}

impl Map {
    fn with_capacity(entries: usize) -> Self {
        Self { chains: (0..entries.next_power_of_two()).map(|_| Atomic::null()).collect(), len: AtomicUsize::new(0) }
    }

    fn find<'a>(first: &Atomic<Entry>, key: u64, guard: &'a Guard) -> Option<&'a Entry> {
        // Acquire, with the Release of the exchange that adds an entry: what it points to is made.
        let mut at = first.load(Ordering::Acquire, guard);
        // SAFETY: entries are freed with the map only, and it is borrowed.
        while let Some(entry) = unsafe { at.as_ref() } {
            if entry.key == key {
                return Some(entry);
            }
            at = entry.next.load(Ordering::Acquire, guard);
        }
        None
    }

    fn get<R>(&self, key: u64, read: impl FnOnce(&Value) -> R) -> Option<R> {
        let guard = &pin();
        let entry = Self::find(&self.chains[home(key, self.chains.len())], key, guard)?;
        // SAFETY: a value that is replaced is freed after the guards that could see it are gone. Acquire, with the AcqRel of `put`.
        unsafe { entry.value.load(Ordering::Acquire, guard).as_ref() }.map(read)
    }

    fn put(&self, key: u64, value: Value) {
        let guard = &pin();
        let first = &self.chains[home(key, self.chains.len())];
        let mut value = Owned::new(value);
        loop {
            let next = first.load(Ordering::Acquire, guard);
            if let Some(entry) = Self::find(first, key, guard) {
                let before = entry.value.swap(value, Ordering::AcqRel, guard);
                // SAFETY: the swap has taken it out of the map, and each is taken out once.
                unsafe { guard.defer_destroy(before) };
                return;
            }
            let entry = Owned::new(Entry { key, value: Atomic::from(value), next: next.into() });
            match first.compare_exchange(next, entry, Ordering::AcqRel, Ordering::Acquire, guard) {
                Ok(_) => {
                    // Read when the threads have ended.
                    self.len.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(failed) => {
                    // SAFETY: the entry was not added, so nobody else has it or its value.
                    value = unsafe { failed.new.into_box().value.into_owned() };
                }
            }
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        for chain in &mut self.chains {
            let mut at = std::mem::take(chain);
            // SAFETY: the map is borrowed uniquely, and each entry and value is in it once.
            while let Some(entry) = unsafe { at.try_into_owned() } {
                let Entry { value, next, .. } = *entry.into_box();
                // SAFETY: as above.
                drop(unsafe { value.try_into_owned() });
                at = next;
            }
        }
    }
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let [entries, ..] = sizes::<3>(arguments);
    let map = Map::with_capacity(entries as usize);
    let users = share(arguments, |key| map.get(key, Value::read).unwrap_or(0), |key, value| map.put(key, value));
    outcome(users, map.len.load(Ordering::Relaxed))
}
