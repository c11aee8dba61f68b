//! The maps, each with what a thread needs to use it.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Barrier, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::{
    in_heap::{InHeap, InPlace, Whole},
    keys::{Hash, Operation},
};
use gc_benches::{
    clock::{processor_time, sink_word},
    random::Random,
};

/// What threads do: each its own operations.
pub type Threads = [Vec<Operation>];

/// The time of a round, from when the first thread begins until the last one has ended, and the processor time of the process.
#[derive(Clone, Copy, Default)]
pub struct Times {
    pub wall: Duration,
    pub processor: Duration,
}

/// A map. Each thread does what it does by a `User`.
pub trait Contestant {
    /// Puts keys in, or replaces their values, in this order.
    fn fill(&mut self, keys: &mut dyn Iterator<Item = u64>);

    /// Does what threads do.
    fn run(&mut self, threads: &Threads) -> Times;

    /// Does the same, and times every so many-th operation. Java does not.
    fn sample(&mut self, threads: &Threads, every: usize) -> Vec<u32>;

    /// Times each insertion of these keys. Java does not.
    fn time_each(&mut self, keys: u64, times: &mut dyn FnMut(usize, u32));

    /// Gives back what is garbage, as far as there is a way to ask for that.
    fn collect(&mut self) {}
}

/// The names of the maps that are in this process.
pub const NAMES: [&str; 8] =
    ["gc-core", "gc-core, in place", "papaya", "papaya, reused", "dashmap", "scc", "flurry", "std in 64 locks"];

/// Returns an empty map of this name.
pub fn make(name: &str) -> Box<dyn Contestant> {
    match name {
        "gc-core" => Box::new(InHeap::<Whole>::new()),
        "gc-core, in place" => Box::new(InHeap::<InPlace>::new()),
        "papaya" => Box::new(Papaya { map: papaya::HashMap::with_hasher(Hash::default()), reuse: 1 }),
        "papaya, reused" => Box::new(Papaya { map: papaya::HashMap::with_hasher(Hash::default()), reuse: 1000 }),
        "dashmap" => Box::new(Simple(dashmap::DashMap::with_hasher(Hash::default()))),
        "scc" => Box::new(Simple(scc::HashMap::with_hasher(Hash::default()))),
        "flurry" => Box::new(Simple(flurry::HashMap::with_hasher(Hash::default()))),
        "std in 64 locks" => Box::new(Simple(Locks::new())),
        other => panic!("expected one of {NAMES:?}, found {other}"),
    }
}

/// Runs `work` on a thread for each: it gets the operations, and returns what it has sampled.
pub fn on_threads(threads: &Threads, work: impl Fn(&[Operation]) -> Vec<u32> + Sync) -> (Times, Vec<u32>) {
    let ready = Barrier::new(threads.len());
    let processor = processor_time();
    let run = |operations: &[Operation]| {
        ready.wait();
        let begun = Instant::now();
        let sampled = work(operations);
        (begun, Instant::now(), sampled)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = threads.iter().map(|operations| scope.spawn(|| run(operations))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a thread")).collect()
    });
    let first = results.iter().map(|result| result.0).min().expect("a thread");
    let last = results.iter().map(|result| result.1).max().expect("a thread");
    let times = Times { wall: last - first, processor: processor_time() - processor };
    (times, results.into_iter().flat_map(|result| result.2).collect())
}

pub fn nanoseconds(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX)
}

/// Times every so many-th operation.
#[inline(always)]
fn sampled(operations: &[Operation], every: usize, mut operate: impl FnMut(Operation)) -> Vec<u32> {
    let mut times = Vec::with_capacity(operations.len() / every + 1);
    for some in operations.chunks(every) {
        let (&first, rest) = some.split_first().expect("no chunk is empty");
        let begun = Instant::now();
        operate(first);
        times.push(nanoseconds(begun));
        rest.iter().for_each(|&operation| operate(operation));
    }
    times
}

/// A guard serves `reuse` operations.
struct Papaya {
    map: papaya::HashMap<u64, u64, Hash>,
    reuse: usize,
}

impl Papaya {
    fn work(&self, operations: &[Operation], every: usize) -> Vec<u32> {
        let mut times = Vec::new();
        for some in operations.chunks(self.reuse) {
            let map = self.map.pin();
            let operate = |operation| match operation {
                Operation::Get(key) => sink_word(map.get(&key).copied().unwrap_or(0)),
                Operation::Insert(key) => _ = map.insert(key, key + 1),
                Operation::Remove(key) => _ = map.remove(&key),
            };
            if every == 0 {
                some.iter().for_each(|&operation| operate(operation));
            } else {
                times.append(&mut sampled(some, every, operate));
            }
        }
        times
    }
}

impl Contestant for Papaya {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = u64>) {
        keys.for_each(|key| _ = self.map.pin().insert(key, key));
    }

    fn run(&mut self, threads: &Threads) -> Times {
        on_threads(threads, |operations| self.work(operations, 0)).0
    }

    fn sample(&mut self, threads: &Threads, every: usize) -> Vec<u32> {
        if self.reuse > 1 {
            return on_threads(threads, |operations| self.work(operations, every)).1;
        }
        let work = |operations: &[Operation]| {
            sampled(operations, every, |operation| match operation {
                Operation::Get(key) => sink_word(self.map.pin().get(&key).copied().unwrap_or(0)),
                Operation::Insert(key) => _ = self.map.pin().insert(key, key + 1),
                Operation::Remove(key) => _ = self.map.pin().remove(&key),
            })
        };
        on_threads(threads, work).1
    }

    fn time_each(&mut self, keys: u64, times: &mut dyn FnMut(usize, u32)) {
        time_each(keys, times, |key| _ = self.map.pin().insert(key, key));
    }
}

fn time_each(keys: u64, times: &mut dyn FnMut(usize, u32), insert: impl Fn(u64)) {
    for key in 0..keys {
        let begun = Instant::now();
        insert(key);
        times(key as usize, nanoseconds(begun));
    }
}

/// A map whose operations need nothing else.
trait Map: Sync {
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64);
    fn remove(&self, key: u64);
}

struct Simple<M>(M);

impl<M: Map> Simple<M> {
    #[inline(always)]
    fn operate(&self, operation: Operation) {
        match operation {
            Operation::Get(key) => sink_word(self.0.get(key).unwrap_or(0)),
            Operation::Insert(key) => self.0.insert(key, key + 1),
            Operation::Remove(key) => self.0.remove(key),
        }
    }
}

impl<M: Map> Contestant for Simple<M> {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = u64>) {
        keys.for_each(|key| self.0.insert(key, key));
    }

    fn run(&mut self, threads: &Threads) -> Times {
        let work = |operations: &[Operation]| {
            operations.iter().for_each(|&operation| self.operate(operation));
            Vec::new()
        };
        on_threads(threads, work).0
    }

    fn sample(&mut self, threads: &Threads, every: usize) -> Vec<u32> {
        on_threads(threads, |operations| sampled(operations, every, |operation| self.operate(operation))).1
    }

    fn time_each(&mut self, keys: u64, times: &mut dyn FnMut(usize, u32)) {
        time_each(keys, times, |key| self.0.insert(key, key));
    }
}

impl Map for dashmap::DashMap<u64, u64, Hash> {
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key).map(|value| *value)
    }

    fn insert(&self, key: u64, value: u64) {
        self.insert(key, value);
    }

    fn remove(&self, key: u64) {
        self.remove(&key);
    }
}

impl Map for scc::HashMap<u64, u64, Hash> {
    fn get(&self, key: u64) -> Option<u64> {
        self.read_sync(&key, |_, value| *value)
    }

    fn insert(&self, key: u64, value: u64) {
        self.upsert_sync(key, value);
    }

    fn remove(&self, key: u64) {
        self.remove_sync(&key);
    }
}

impl Map for flurry::HashMap<u64, u64, Hash> {
    fn get(&self, key: u64) -> Option<u64> {
        self.pin().get(&key).copied()
    }

    fn insert(&self, key: u64, value: u64) {
        self.pin().insert(key, value);
    }

    fn remove(&self, key: u64) {
        self.pin().remove(&key);
    }
}

struct Locks(Vec<Mutex<HashMap<u64, u64, Hash>>>);

impl Locks {
    const COUNT: usize = 64;

    fn new() -> Self {
        Self((0..Self::COUNT).map(|_| Mutex::new(HashMap::with_hasher(Hash::default()))).collect())
    }

    fn of(&self, key: u64) -> &Mutex<HashMap<u64, u64, Hash>> {
        &self.0[Hash::default().hash_one(key) as usize >> 7 & (Self::COUNT - 1)]
    }
}

impl Map for Locks {
    fn get(&self, key: u64) -> Option<u64> {
        self.of(key).lock().expect("no panic").get(&key).copied()
    }

    fn insert(&self, key: u64, value: u64) {
        self.of(key).lock().expect("no panic").insert(key, value);
    }

    fn remove(&self, key: u64) {
        self.of(key).lock().expect("no panic").remove(&key);
    }
}

/// The keys of a map with so many entries, in an order by chance.
pub fn shuffled(entries: u64) -> impl Iterator<Item = u64> {
    Random::new(5).permutation(entries as usize).into_iter().map(|key| key as u64)
}
