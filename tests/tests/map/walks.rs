//! Going through a map while it changes: what is there throughout is met once.

use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use gc_core::{Gc, GcMap, Heap, Root, blocking, map::Cursor};
use gc_tests::{heaps::under, random::Random, sizes::scaled};

type Map = Root<Gc<'static, GcMap<'static, u64, u64>>>;

/// Checks that each key was met once, and no other one twice.
fn check_met(met: &[u64], mut all: Range<u64>) {
    let distinct: HashSet<_> = met.iter().collect();
    assert_eq!(distinct.len(), met.len(), "a key was met twice");
    assert!(all.all(|key| distinct.contains(&key)), "a key was not met");
}

/// Goes through a map again and again, in which keys stay.
fn walk_until<S: BuildHasher + Send + Sync + 'static>(
    ended: &AtomicBool,
    heap: &Heap,
    map: &Root<Gc<'static, GcMap<'static, u64, u64, S>>>,
    stay: Range<u64>,
) {
    let mut m = heap.attach().unwrap();
    // Relaxed: it only ends the rounds.
    while !ended.load(Ordering::Relaxed) {
        let met: Vec<u64> = map.get(&m).iter().map(|(key, _)| *key).collect();
        check_met(&met, stay.clone());
        m.safepoint();
    }
}

/// A cursor in a map that grows, shrinks and is emptied between its steps.
#[test]
fn a_cursor_meets_what_is_there_throughout_once() {
    let heap = under("verify,every-safepoint=50,full-every=3").build().unwrap();
    let mut m = heap.attach().unwrap();
    let mut random = Random::new(1);
    for round in 0..scaled(40) {
        let map: Map = m.root(m.alloc(GcMap::<u64, u64>::new()));
        let stay = 1 + random.below(200);
        map.get(&m).extend(&m, (0..stay).map(|key| (key, key)));
        let (mut cursor, mut met) = (Cursor::new(), Vec::new());
        while map.get(&m).advance(&mut cursor, |key, _| met.push(*key)) {
            let map = map.get(&m);
            match random.below(4) {
                0 => map.extend(&m, (0..random.below(1000)).map(|key| (1000 + key, 0))),
                1 => map.retain(&m, |key, _| *key < 1000),
                2 => map.extend(&m, (0..stay).map(|key| (key, round))),
                _ => {}
            }
            m.safepoint();
        }
        check_met(&met, 0..stay);
    }
}

/// Iterators in a map that another thread makes grow and shrink: keys that stay are met once in each pass.
#[test]
fn iterators_meet_what_is_there_throughout_once() {
    let heap = under("every-safepoint=500").build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64>::new()));
    map.get(&m).extend(&m, (0..300).map(|key| (key, key)));
    let ended = AtomicBool::new(false);
    blocking::scope(&mut m, |scope| {
        let (heap, map, ended) = (&heap, &map, &ended);
        let writer = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            for round in 0..scaled(4) {
                for key in 0..3000 {
                    map.get(&m).insert(&m, key, round);
                    m.safepoint();
                }
                for key in 300..3000 {
                    map.get(&m).remove(&m, &key);
                    m.safepoint();
                }
            }
            // Relaxed: it only ends the other thread's rounds.
            ended.store(true, Ordering::Relaxed);
        });
        let reader = scope.spawn(move || walk_until(ended, heap, map, 0..300));
        writer.join().unwrap();
        reader.join().unwrap();
    });
    assert_eq!(map.get(&m).len(), 300);
}

/// Keys of one hash lie in one run, and one that is removed and put in again lies further on: an iterator that has met it does not meet it again.
#[test]
fn a_key_that_goes_ahead_of_an_iterator_is_met_once() {
    #[derive(Default)]
    struct OneHash;
    impl Hasher for OneHash {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) {}
    }
    type OneRun<'gc> = GcMap<'gc, u64, u64, BuildHasherDefault<OneHash>>;
    let heap = under("every-safepoint=5000").build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<OneRun>> = m.root(m.alloc(OneRun::default()));
    map.get(&m).extend(&m, (0..40).map(|key| (key, key)));
    let ended = AtomicBool::new(false);
    blocking::scope(&mut m, |scope| {
        let (heap, map, ended) = (&heap, &map, &ended);
        let writer = scope.spawn(move || {
            let mut m = heap.attach().unwrap();
            for round in 0..scaled(40_000) {
                map.get(&m).remove(&m, &(round % 8));
                map.get(&m).insert(&m, round % 8, round);
                m.safepoint();
            }
            // Relaxed: it only ends the other thread's rounds.
            ended.store(true, Ordering::Relaxed);
        });
        let reader = scope.spawn(move || walk_until(ended, heap, map, 8..40));
        writer.join().unwrap();
        reader.join().unwrap();
    });
}
