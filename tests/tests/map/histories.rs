//! Recorded histories of threads that run on, in maps that are about to move, up or down, and twice: all are linearizable.

use std::{
    cell::RefCell,
    hash::{Hash, Hasher},
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use gc_core::{Gc, GcMap, Heap, Mutator, Root, Trace, blocking};
use gc_tests::{
    hashers::Few,
    heaps::under,
    linearizable::{Call, unexplained},
    random::Random,
    sizes::scaled,
};
use parking_lot::Mutex;

thread_local! {
    /// Where it is set, a thread stops for a moment while it compares keys or makes a value: between the steps of the map.
    static STOPS: RefCell<Option<Random>> = const { RefCell::new(None) };
}

fn stop() {
    let stop = STOPS.with_borrow_mut(|stops| stops.as_mut().map(|random| random.below(24)));
    match stop {
        Some(0) => thread::yield_now(),
        Some(1 | 2) => (0..40).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

#[derive(Clone, Debug, Trace)]
struct Key(u64);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        stop();
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

type Map<'gc> = GcMap<'gc, Key, u64, Few>;
type Maps = Root<Gc<'static, [Map<'static>]>>;

/// Keys of a history.
const KEYS: u64 = 3;
/// Maps that are made at once.
const BATCH: usize = 64;
/// How often a thread looks whether the others have come to a map, and how often it makes way of these.
const LOOKS: u64 = 300;
const YIELDS: u64 = 20;

/// How many other keys are put in first, and how many of those are removed then, besides maps to which few or some were added: some of them move at the next
/// insertion or removal.
const BEGINS: [(u64, u64); 6] = [(6, 3), (9, 9), (20, 18), (20, 19), (21, 10), (42, 0)];

/// What a map is like when a history begins: the values of its keys, some of which have been there and were removed.
fn begin<'gc>(m: &'gc Mutator, map: &Map<'gc>, random: &mut Random, other: &mut u64) -> [Option<u64>; KEYS as usize] {
    let (put, removed) = match random.below(3) {
        0 => BEGINS[random.below(BEGINS.len() as u64) as usize],
        1 => (random.below(8), 0),
        _ => (random.below(24), 0),
    };
    (0..put).for_each(|key| _ = map.insert(m, Key(100 + key), 0));
    (0..removed).for_each(|key| _ = map.remove(m, &Key(100 + key)));
    *other = put - removed;
    std::array::from_fn(|key| {
        let key = key as u64;
        match random.below(4) {
            0 | 1 => None,
            2 => {
                map.insert(m, Key(key), 1 + key);
                Some(1 + key)
            }
            _ => {
                map.insert(m, Key(key), 1 + key);
                map.remove(m, &Key(key));
                None
            }
        }
    })
}

/// A map's history: what a thread adds to it, and what is checked when all threads have.
#[derive(Default)]
struct History {
    /// Threads that have come to it.
    ready: AtomicUsize,
    clock: AtomicU64,
    /// Keys that are not recorded.
    others: AtomicUsize,
    initial: Mutex<[Option<u64>; KEYS as usize]>,
    calls: Mutex<Vec<Call>>,
}

impl History {
    /// AcqRel: what a thread did before it read a time was done before another thread read a later one.
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel)
    }
}

/// Does what `random` says, with a value that no other call has, and returns what was done to which key.
fn call<'gc>(m: &'gc Mutator, map: &Map<'gc>, random: &mut Random, keys: u64, new: u64, history: &History) -> Call {
    let key = Key(random.below(keys));
    let mut from = history.now();
    let (what, seen, stored) = match random.below(16) {
        0 | 1 => ("get", map.get(&key).copied(), None),
        2..=4 => ("insert", map.insert(m, key.clone(), new).copied(), Some(Some(new))),
        5..=7 => ("remove", map.remove(m, &key).copied(), Some(None)),
        8 | 9 => {
            let made = || {
                stop();
                new
            };
            let found = *map.get_or_insert_with(m, key.clone(), made);
            let (seen, stored) = if found == new { (None, Some(Some(new))) } else { (Some(found), None) };
            ("get_or_insert_with", seen, stored)
        }
        10 => {
            let mut before = None;
            let after = map.update(m, &key, |old| {
                before = Some(*old);
                stop();
                new
            });
            let (seen, stored) = if after.is_some() { (before, Some(Some(new))) } else { (None, None) };
            ("update", seen, stored)
        }
        11 => {
            let current = map.get(&key);
            from = history.now();
            stop();
            match map.compare_exchange(m, key.clone(), current, new) {
                Ok(_) => ("compare_exchange", current.copied(), Some(Some(new))),
                Err(found) => {
                    assert_ne!(found.copied(), current.copied(), "what was expected was found, and refused");
                    ("compare_exchange", found.copied(), None)
                }
            }
        }
        12 => match map.get(&key) {
            Some(current) => {
                from = history.now();
                stop();
                match map.compare_remove(m, &key, current) {
                    Ok(()) => ("compare_remove", Some(*current), Some(None)),
                    Err(found) => {
                        assert_ne!(found, Some(current), "what was expected was found, and refused");
                        ("compare_remove", found.copied(), None)
                    }
                }
            }
            None => ("get", None, None),
        },
        13 => {
            let found: Vec<u64> = map.iter().filter(|entry| *entry.0 == key).map(|entry| *entry.1).collect();
            assert!(found.len() < 2, "a key was returned twice");
            // One that is added, replaced or removed meanwhile is in no order with the others.
            from = history.now();
            ("get", map.get(&key).copied(), None)
        }
        // The table moves, up or down.
        14 => {
            (0..3).for_each(|other| _ = map.insert(m, Key(1000 + new * 4 + other), 0));
            history.others.fetch_add(3, Ordering::Relaxed);
            from = history.now();
            ("get", map.get(&key).copied(), None)
        }
        _ => {
            let removed = (100..106).filter(|&other| map.remove(m, &Key(other)).is_some()).count();
            history.others.fetch_sub(removed, Ordering::Relaxed);
            from = history.now();
            ("get", map.get(&key).copied(), None)
        }
    };
    Call { key: key.0, what, from, to: history.now(), seen, stored }
}

/// A thread that panics ends the process: the others would wait for it.
struct EndsAll;

impl Drop for EndsAll {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

/// Checks a map when all threads have ended, and its history.
fn check(map: &Map<'_>, history: &History, found: &Mutex<Vec<String>>) {
    let mut calls = std::mem::take(&mut *history.calls.lock());
    let initial = *history.initial.lock();
    for key in 0..KEYS {
        let (from, seen) = (history.now(), map.get(&Key(key)).copied());
        calls.push(Call { key, what: "get at the end", from, to: history.now(), seen, stored: None });
    }
    if let Some(calls) = unexplained(&calls, |key| initial[key as usize]) {
        found.lock().push(format!("no order explains these, from {initial:?} on: {calls:#?}"));
    }
    let keys = (0..KEYS).filter(|&key| map.get(&Key(key)).is_some()).count();
    let (len, met) = (map.len(), map.iter().count());
    let expected = keys + history.others.load(Ordering::Relaxed);
    if (len, met) != (expected, expected) {
        found
            .lock()
            .push(format!("expected {expected} entries, found that the length is {len}, and met {met}: {calls:#?}"));
    }
}

/// Runs so many histories of `threads` threads with `calls` calls each, on `keys` keys.
fn histories(profile: &str, threads: usize, calls: u64, keys: u64, histories: u64) {
    let heap: Heap = under(profile).build().unwrap();
    let mut m = heap.attach().unwrap();
    let barrier = Barrier::new(threads);
    let shared: Mutex<Arc<(Option<Maps>, Vec<History>)>> = Mutex::default();
    let found = Mutex::new(Vec::new());
    blocking::scope(&mut m, |scope| {
        let (heap, barrier, shared, found) = (&heap, &barrier, &shared, &found);
        let work = |thread: usize| {
            move || {
                let _ends_all = EndsAll;
                let mut m = heap.attach().unwrap();
                let mut random = Random::new(thread as u64);
                for batch in 0..histories.div_ceil(BATCH as u64) {
                    if thread == 0 {
                        let maps = m.root(m.alloc_slice_with(BATCH, |_| Map::default()));
                        *shared.lock() = Arc::new((Some(maps), (0..BATCH).map(|_| History::default()).collect()));
                    }
                    m.blocked(|| barrier.wait());
                    let all = shared.lock().clone();
                    let (maps, histories) = (all.0.as_ref().unwrap(), &all.1);
                    for at in (thread..BATCH).step_by(threads) {
                        let mut others = 0;
                        *histories[at].initial.lock() = begin(&m, &maps.get(&m)[at], &mut random, &mut others);
                        histories[at].others.store(others as usize, Ordering::Relaxed);
                        m.safepoint();
                    }
                    m.blocked(|| barrier.wait());
                    STOPS.set(Some(Random::new(batch << 2 | thread as u64)));
                    for (at, history) in histories.iter().enumerate() {
                        let mut own = Vec::with_capacity(calls as usize);
                        // All begin at once, but none waits for long for one that the system does not run.
                        history.ready.fetch_add(1, Ordering::AcqRel);
                        for look in 0..LOOKS {
                            if history.ready.load(Ordering::Acquire) >= threads {
                                break;
                            }
                            m.safepoint();
                            if look + YIELDS >= LOOKS || threads > 2 {
                                thread::yield_now();
                            }
                        }
                        for number in 0..calls {
                            let new = 10 + thread as u64 * 16 + number;
                            own.push(call(&m, &maps.get(&m)[at], &mut random, keys, new, history));
                            m.safepoint();
                        }
                        history.calls.lock().append(&mut own);
                    }
                    STOPS.set(None);
                    m.blocked(|| barrier.wait());
                    for at in (thread..BATCH).step_by(threads) {
                        check(&maps.get(&m)[at], &histories[at], found);
                        m.safepoint();
                    }
                    m.blocked(|| barrier.wait());
                    if !found.lock().is_empty() {
                        break;
                    }
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let found = found.into_inner();
    assert!(found.is_empty(), "{} of a batch are wrong. The first: {}", found.len(), found[0]);
}

#[test]
fn of_two_threads() {
    histories("", 2, 6, 2, scaled(50_000));
}

#[test]
fn of_three_threads() {
    histories("", 3, 5, 3, scaled(30_000));
}

#[test]
fn of_four_threads_on_one_key() {
    histories("", 4, 3, 1, scaled(19_000));
}

#[test]
fn of_four_threads_that_are_collected() {
    histories("every-safepoint=20,full-every=3,compact-always", 4, 5, 2, scaled(1_000));
}
