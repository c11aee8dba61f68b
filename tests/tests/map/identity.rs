//! Keys by identity, of objects that move, in a table that moves, of several threads.

use gc_core::{ById, Gc, GcMap, Root, blocking};
use gc_tests::{heaps::under, random::Random, sizes::scaled};

type Map = Root<Gc<'static, GcMap<'static, ById<'static, u64>, u64>>>;

#[test]
fn keys_by_identity_are_found_while_all_moves() {
    for profile in ["verify,every-safepoint=60,full-every=2,compact-always,promote-always", "verify,every-safepoint=40"]
    {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let map: Map = m.root(m.alloc(GcMap::<ById<u64>, u64>::new()));
        let all: usize = blocking::scope(&mut m, |scope| {
            let (heap, map) = (&heap, &map);
            let work = |thread: u64| {
                move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(thread);
                    let mut keys: Vec<Root<Gc<u64>>> = Vec::new();
                    for step in 0..scaled(6_000) {
                        let grows = step / 500 % 2 == 0;
                        if random.below(4) > 0 && grows || keys.is_empty() {
                            let key = m.alloc(thread << 32 | step);
                            assert_eq!(map.get(&m).insert(&m, Gc::by_id(key, &m), *key), None);
                            keys.push(m.root(key));
                        } else {
                            let root = keys.swap_remove(random.below(keys.len() as u64) as usize);
                            let key = root.get(&m);
                            let found = map.get(&m).remove(&m, &Gc::by_id(key, &m));
                            assert_eq!(found.copied(), Some(*key));
                        }
                        if !keys.is_empty() {
                            let key = keys[random.below(keys.len() as u64) as usize].get(&m);
                            assert_eq!(map.get(&m).get(&Gc::by_id(key, &m)).copied(), Some(*key));
                        }
                        m.safepoint();
                    }
                    keys.len()
                }
            };
            let threads: Vec<_> = (0..3).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let map = map.get(&m);
        assert_eq!((map.len(), map.iter().count()), (all, all));
    }
}
