//! `GcMap`, with values that are replaced as a whole or in place.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use gc_benches::clock::sink_word;
use gc_core::{Collect, Gc, GcMap, Heap, Leaf, Mutator, Root, Trace};

use super::{
    contestants::{Contestant, Threads, Times, nanoseconds, on_threads},
    keys::{Hash, Operation},
};

/// The value of a key.
pub trait Value: for<'gc> Trace<At<'gc> = Self, Static = Self> + Sized + Send + Sync + 'static {
    fn word(&self) -> u64;
    fn put<'gc>(m: &'gc Mutator, map: &GcMap<'gc, u64, Self, Hash>, key: u64, word: u64);
}

/// A value that is replaced with its entry.
pub type Whole = u64;

/// A value that is replaced within its entry.
pub type InPlace = Leaf<AtomicU64>;

impl Value for Whole {
    #[inline(always)]
    fn word(&self) -> u64 {
        *self
    }

    #[inline(always)]
    fn put<'gc>(m: &'gc Mutator, map: &GcMap<'gc, u64, Self, Hash>, key: u64, word: u64) {
        map.insert(m, key, word);
    }
}

impl Value for InPlace {
    #[inline(always)]
    fn word(&self) -> u64 {
        self.load(Relaxed)
    }

    /// Two steps if the key is there, of which the second one is lost if another thread removes the key in between.
    #[inline(always)]
    fn put<'gc>(m: &'gc Mutator, map: &GcMap<'gc, u64, Self, Hash>, key: u64, word: u64) {
        match map.get(&key) {
            Some(value) => value.store(word, Relaxed),
            None => _ = map.insert(m, key, Leaf(AtomicU64::new(word))),
        }
    }
}

/// There is no mutator between the calls of methods: it would be late for safepoints.
pub struct InHeap<V: Value> {
    map: Root<Gc<'static, GcMap<'static, u64, V, Hash>>>,
    heap: Heap,
}

impl<V: Value> InHeap<V> {
    pub fn new() -> Self {
        let heap = Heap::builder().build().expect("a heap");
        let m = heap.attach().expect("a mutator");
        let map = m.root(m.alloc(GcMap::<u64, V, Hash>::with_hasher(Hash::default())));
        drop(m);
        Self { map, heap }
    }
}

#[inline(always)]
fn operate<'gc, V: Value>(m: &'gc Mutator, map: &GcMap<'gc, u64, V, Hash>, operation: Operation) {
    match operation {
        Operation::Get(key) => sink_word(map.get(&key).map_or(0, V::word)),
        Operation::Insert(key) => V::put(m, map, key, key + 1),
        Operation::Remove(key) => _ = map.remove(m, &key),
    }
}

impl<V: Value> Contestant for InHeap<V> {
    fn fill(&mut self, keys: &mut dyn Iterator<Item = u64>) {
        let mut m = self.heap.attach().expect("a mutator");
        for key in keys {
            V::put(&m, &self.map.get(&m), key, key);
            m.safepoint();
        }
    }

    fn run(&mut self, threads: &Threads) -> Times {
        let (heap, map) = (&self.heap, &self.map);
        let work = |operations: &[Operation]| {
            let mut m = heap.attach().expect("a mutator");
            for &operation in operations {
                operate(&m, &map.get(&m), operation);
                m.safepoint();
            }
            Vec::new()
        };
        on_threads(threads, work).0
    }

    fn sample(&mut self, threads: &Threads, every: usize) -> Vec<u32> {
        let (heap, map) = (&self.heap, &self.map);
        let work = |operations: &[Operation]| {
            let mut m = heap.attach().expect("a mutator");
            let mut times = Vec::with_capacity(operations.len() / every + 1);
            for (at, &operation) in operations.iter().enumerate() {
                if at % every == 0 {
                    let begun = Instant::now();
                    operate(&m, &map.get(&m), operation);
                    times.push(nanoseconds(begun));
                } else {
                    operate(&m, &map.get(&m), operation);
                }
                m.safepoint();
            }
            times
        };
        on_threads(threads, work).1
    }

    fn time_each(&mut self, keys: u64, times: &mut dyn FnMut(usize, u32)) {
        let mut m = self.heap.attach().expect("a mutator");
        for key in 0..keys {
            let begun = Instant::now();
            V::put(&m, &self.map.get(&m), key, key);
            times(key as usize, nanoseconds(begun));
            m.safepoint();
        }
    }

    fn collect(&mut self) {
        let mut m = self.heap.attach().expect("a mutator");
        m.collect(Collect::Full);
        m.compact();
    }
}
