//! Threads whose equality lies while the table moves.

use std::{
    cell::RefCell,
    hash::{Hash, Hasher},
};

use gc_core::{Gc, GcMap, Root, Trace, blocking};
use gc_tests::{heaps::under, random::Random, sizes::part};

thread_local! {
    static LIE: RefCell<Option<Random>> = const { RefCell::new(None) };
}

#[derive(Clone, Debug, Trace)]
struct Key(u64);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let lie = LIE.with_borrow_mut(|lie| lie.as_mut().is_some_and(|lie| lie.below(4) == 0));
        self.0 == other.0 && !lie
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 % 4);
    }
}

type Map = Root<Gc<'static, GcMap<'static, Key, u64>>>;

/// Keys may be there twice. The length is still the number of entries, and the map comes to an end with what it does.
#[test]
fn threads_whose_equality_lies_do_not_lose_count() {
    let heap = under("").build().unwrap();
    let mut m = heap.attach().unwrap();
    for seed in part(0..3000) {
        let map: Map = m.root(m.alloc(GcMap::<Key, u64>::new()));
        blocking::scope(&mut m, |scope| {
            let (heap, map) = (&heap, &map);
            let work = |thread: u64| {
                move || {
                    let mut m = heap.attach().unwrap();
                    let mut random = Random::new(seed * 4 + thread);
                    LIE.set(Some(Random::new(seed * 4 + thread)));
                    for _ in 0..200 {
                        let key = Key(random.below(6));
                        match random.below(3) {
                            0 => drop(map.get(&m).insert(&m, key, thread)),
                            1 => drop(map.get(&m).update(&m, &key, |old| old + 1)),
                            _ => drop(map.get(&m).remove(&m, &key)),
                        }
                        m.safepoint();
                    }
                    LIE.set(None);
                }
            };
            let threads: Vec<_> = (0..3).map(|thread| scope.spawn(work(thread))).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        let map = map.get(&m);
        let mut removed = 0;
        let before = map.len();
        for key in 0..6 {
            while map.remove(&m, &Key(key)).is_some() {
                removed += 1;
            }
        }
        assert_eq!((before, map.len(), map.iter().count()), (removed, 0, 0), "seed {seed}");
    }
}
