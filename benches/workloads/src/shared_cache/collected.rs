//! By gc-core: a hash table of chains that anyone reads and adds to without a lock.

use std::sync::atomic::{AtomicUsize, Ordering};

use gc_core::{Gc, Heap, Leaf, Mutator, Slot, Trace, blocking};

use super::{User, Value, home, outcome};
use crate::{Outcome, workload::sizes};

#[derive(Trace)]
struct Entry<'gc> {
    key: u64,
    value: Slot<'gc, Value>,
    next: Option<Gc<'gc, Entry<'gc>>>,
}

/// A table with room for what is expected.
#[derive(Trace)]
struct Map<'gc> {
    chains: Gc<'gc, [Slot<'gc, Entry<'gc>>]>,
    len: Leaf<AtomicUsize>,
}

impl<'gc> Map<'gc> {
    fn with_capacity(m: &'gc Mutator, entries: usize) -> Gc<'gc, Self> {
        let chains = m.alloc_slice_with(entries.next_power_of_two(), |_| Slot::null());
        m.alloc(Map { chains, len: Leaf(AtomicUsize::new(0)) })
    }

    fn find(mut chain: Option<Gc<'gc, Entry<'gc>>>, key: u64) -> Option<Gc<'gc, Entry<'gc>>> {
        while let Some(entry) = chain {
            if entry.key == key {
                return chain;
            }
            chain = entry.next;
        }
        None
    }

    fn get(&self, key: u64) -> Option<Gc<'gc, Value>> {
        Self::find(self.chains[home(key, self.chains.len())].get(), key)?.value.get()
    }

    fn put(&self, m: &'gc Mutator, key: u64, value: Gc<'gc, Value>) {
        let first = &self.chains[home(key, self.chains.len())];
        loop {
            let next = first.get();
            if let Some(entry) = Self::find(next, key) {
                entry.value.set(m, Some(value));
                return;
            }
            // Another thread may have added to the chain since: then it is searched again.
            let entry = m.alloc(Entry { key, value: Slot::new(Some(value)), next });
            if first.compare_exchange(m, next, Some(entry)).is_ok() {
                // Read when the threads have ended.
                self.len.0.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

pub(super) fn run(arguments: &[u64]) -> Outcome {
    let [entries, threads, operations] = sizes(arguments);
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let map = m.root(Map::with_capacity(&m, entries as usize));
    for key in 0..entries {
        map.get(&m).put(&m, key, m.alloc(Value::new(key, 0)));
        m.safepoint();
    }
    let users = in_heap(&heap, &mut m, [entries, threads, operations], |m, key, value| {
        let map = map.get(m);
        match value {
            None => map.get(key).map_or(0, |value| value.read()),
            Some(value) => {
                map.put(m, key, m.alloc(value));
                0
            }
        }
    });
    let len = map.get(&m).len.0.load(Ordering::Relaxed);
    outcome(users, len)
}

/// Runs the threads of the workload, each with a mutator. Each operation is a `step`, and a safepoint.
pub(super) fn in_heap(
    heap: &Heap,
    m: &mut Mutator,
    [entries, threads, operations]: [u64; 3],
    step: impl Fn(&Mutator, u64, Option<Value>) -> u64 + Sync,
) -> Vec<User> {
    blocking::scope(m, |scope| {
        let step = &step;
        let worker = |thread| {
            move || {
                let mut m = heap.attach().expect("a mutator");
                let mut user = User::new(thread, entries, operations);
                for operation in 0..operations {
                    user.step(operation, |key, value| {
                        let read = step(&m, key, value);
                        m.safepoint();
                        read
                    });
                }
                user
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(worker(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    })
}
