//! A map that is used for long at one size stays as big as it was, and it is small when it has been emptied, in whatever order.

use std::hash::{BuildHasherDefault, DefaultHasher};

use gc_core::{Collect, Gc, GcMap, Heap, Mutator, Root, blocking};
use gc_tests::{heaps::calm, random::Random, sizes::scaled};

/// No seed: the same table each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Map = Root<Gc<'static, GcMap<'static, u64, u64, Hasher>>>;

fn old_bytes(heap: &Heap, m: &mut Mutator) -> usize {
    m.collect(Collect::Full);
    m.collect(Collect::Full);
    heap.stats().old_bytes
}

/// Removes one of the keys at random, and puts another one in.
fn turn_over(m: &mut Mutator, map: &Map, random: &mut Random, keys: &mut [u64], steps: u64) {
    for _ in 0..steps {
        let key = &mut keys[random.below(keys.len() as u64) as usize];
        let here = map.get(m);
        assert_eq!(here.remove(m, key), Some(&*key));
        *key += 1 << 20;
        assert_eq!(here.insert(m, *key, *key), None);
        m.safepoint();
    }
}

#[test]
fn entries_that_come_and_go_leave_nothing() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64, Hasher>::default()));
    let (mut random, mut keys) = (Random::new(1), (0..300).collect::<Vec<u64>>());
    map.get(&m).extend(&m, keys.iter().map(|&key| (key, key)));
    turn_over(&mut m, &map, &mut random, &mut keys, 5_000);
    let before = old_bytes(&heap, &mut m);
    for _ in 0..20 {
        turn_over(&mut m, &map, &mut random, &mut keys, scaled(20_000));
        let after = old_bytes(&heap, &mut m);
        assert_eq!(map.get(&m).len(), 300);
        assert!(after <= 2 * before, "{before} bytes before, {after} after");
    }
}

/// As above, with threads that remove what another one is moving.
#[test]
fn entries_of_threads_that_come_and_go_leave_nothing() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64, Hasher>::default()));
    let mut sizes = Vec::new();
    for round in 0..10 {
        blocking::scope(&mut m, |scope| {
            let (heap, map) = (&heap, &map);
            let work = |thread: u64| {
                move || {
                    let mut m = heap.attach().unwrap();
                    let mut keys: Vec<u64> = (0..100).map(|key| key * 4 + thread).collect();
                    map.get(&m).extend(&m, keys.iter().map(|&key| (key, key)));
                    m.safepoint();
                    let mut random = Random::new(round * 4 + thread);
                    turn_over(&mut m, map, &mut random, &mut keys, scaled(20_000));
                    keys.iter().for_each(|key| assert!(map.get(&m).remove(&m, key).is_some()));
                }
            };
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert!(map.get(&m).is_empty());
        sizes.push(old_bytes(&heap, &mut m));
    }
    assert!(sizes.iter().all(|&bytes| bytes <= 40_000), "{sizes:?}");
}

/// Emptied in the order of the keys, which is none of the table.
#[test]
fn a_map_that_was_emptied_key_by_key_shrinks() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64, Hasher>::default()));
    for _ in 0..3 {
        for key in 0..100_000 {
            map.get(&m).insert(&m, key, key);
            m.safepoint();
        }
        let full = old_bytes(&heap, &mut m);
        for key in 0..100_000 {
            assert!(map.get(&m).remove(&m, &key).is_some());
            m.safepoint();
        }
        let emptied = old_bytes(&heap, &mut m);
        assert!(emptied < full / 20, "{full} bytes before, {emptied} after");
    }
}
