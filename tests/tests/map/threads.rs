//! Several mutators in one map: keys of one thread are as it left them.

use gc_core::{Gc, GcMap, Root, blocking};
use gc_tests::{heaps::under, random::Random, sizes::scaled};

type Map = Root<Gc<'static, GcMap<'static, u64, Gc<'static, u64>>>>;

/// Each thread has keys of its own, and a model of them. All of them grow and shrink one table.
#[test]
fn each_thread_finds_its_own_keys_as_it_left_them() {
    for profile in
        ["verify,every-safepoint=200", "verify,every-safepoint=300,full-every=2,compact-always,promote-always"]
    {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let map: Map = m.root(m.alloc(GcMap::<u64, Gc<u64>>::new()));
        let expected: usize = blocking::scope(&mut m, |scope| {
            let (heap, map) = (&heap, &map);
            let work = |thread: u64| {
                move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(thread);
                    let mut model = [None; 400];
                    for step in 0..scaled(8_000) {
                        // Most of the time it fills, and then it empties.
                        let fills = step / 1000 % 2 == 0;
                        let index = random.below(400);
                        let key = index * 4 + thread;
                        let here = map.get(&m);
                        let before: Option<u64> = model[index as usize];
                        match random.below(8) {
                            0 => assert_eq!(here.get(&key).map(|value| **value), before),
                            1 => {
                                let after = here.update(&m, &key, |old| m.alloc(**old + 1)).map(|value| **value);
                                assert_eq!(after, before.map(|old| old + 1));
                                model[index as usize] = after;
                            }
                            2..=6 if fills => {
                                let old = here.insert(&m, key, m.alloc(step)).map(|value| **value);
                                assert_eq!(old, before);
                                model[index as usize] = Some(step);
                            }
                            _ => {
                                assert_eq!(here.remove(&m, &key).map(|value| **value), before);
                                model[index as usize] = None;
                            }
                        }
                        m.safepoint();
                    }
                    let here = map.get(&m);
                    for (index, value) in model.iter().enumerate() {
                        assert_eq!(here.get(&(index as u64 * 4 + thread)).map(|value| **value), *value);
                    }
                    model.iter().flatten().count()
                }
            };
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let map = map.get(&m);
        assert_eq!((map.len(), map.iter().count()), (expected, expected));
    }
}
