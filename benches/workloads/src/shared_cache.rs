//! `shared_cache`: a map that threads share, most of whose uses are reads.

pub(crate) mod collected;
mod epoch;
mod mapped;
mod owned;

use std::time::Instant;

use gc_benches::{clock::Steps, random::Random};

use crate::{Outcome, Program, workload::sizes};

pub(crate) const CONTESTANTS: &[Program] = &[
    ("gc-core", collected::run),
    ("gc-core-map", mapped::run),
    ("epoch", epoch::run),
    ("box", owned::run_boxes),
    ("arc", owned::run_arcs),
    ("dumpster", crate::peers::dumpster::shared_cache),
];

/// What the map leads to. It never changes.
#[derive(gc_core::Trace, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) words: [u64; 6],
}

impl Value {
    pub(crate) fn new(key: u64, version: u64) -> Self {
        Self { words: [key, version, key, key, key, key] }
    }

    /// What a reader adds to its sum.
    #[inline]
    pub(crate) fn read(&self) -> u64 {
        self.words[0] + self.words[5]
    }
}

/// What a thread does to the map: `get` reads a value, `put` stores one.
pub(crate) struct User {
    random: Random,
    entries: usize,
    steps: Steps,
    sum: u64,
}

impl User {
    pub(crate) fn new(thread: u64, entries: u64, operations: u64) -> Self {
        Self {
            random: Random::new(7 + thread as u32),
            entries: entries as usize,
            steps: Steps::with_capacity(operations as usize),
            sum: 0,
        }
    }

    /// One operation. `use_map` gets the key, and the value to store if it is to store one; it returns what it read.
    #[inline]
    pub(crate) fn step(&mut self, operation: u64, use_map: impl FnOnce(u64, Option<Value>) -> u64) {
        let start = Instant::now();
        let get = self.random.below(100) < 80;
        let key = self.random.below(self.entries) as u64;
        self.sum += use_map(key, (!get).then(|| Value::new(key, operation)));
        self.steps.push(start.elapsed());
    }
}

/// What the arguments ask for, of a map that threads share by a reference. `get` returns what it read.
pub(crate) fn share(arguments: &[u64], get: impl Fn(u64) -> u64 + Sync, put: impl Fn(u64, Value) + Sync) -> Vec<User> {
    let [entries, threads, operations] = sizes(arguments);
    (0..entries).for_each(|key| put(key, Value::new(key, 0)));
    std::thread::scope(|scope| {
        let (get, put) = (&get, &put);
        let worker = |thread| {
            move || {
                let mut user = User::new(thread, entries, operations);
                for operation in 0..operations {
                    user.step(operation, |key, value| match value {
                        None => get(key),
                        Some(value) => {
                            put(key, value);
                            0
                        }
                    });
                }
                user
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(worker(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    })
}

/// What the threads found, and the number of entries.
pub(crate) fn outcome(users: impl IntoIterator<Item = User>, entries: usize) -> Outcome {
    let mut users = users.into_iter();
    let mut all = users.next().expect("a thread");
    for user in users {
        all.sum += user.sum;
        all.steps.extend(&user.steps);
    }
    Outcome::with_steps(all.sum + entries as u64, all.steps)
}

/// Where the search for a key begins, in a table of a power of two (Knuth's multiplicative hashing).
#[inline]
pub(crate) fn home(key: u64, places: usize) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - places.trailing_zeros())) as usize
}
