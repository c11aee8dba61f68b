//! User code in `Hash`, `Eq` and closures that panics, lies and comes back to the map: the map stays whole.

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{Collect, Gc, GcMap, Mutator, Root, Trace};
use gc_tests::{
    heaps::{checked, under},
    hostile::{self, Key, attack},
    random::Random,
    sizes::part,
};

type Map = GcMap<'static, Key, Gc<'static, u64>>;

/// A value, which user code makes.
fn made(m: &Mutator, number: u64) -> Gc<'_, u64> {
    attack();
    m.alloc(number)
}

/// Does something with a key. All panics are caught outside.
fn act<'gc>(m: &'gc Mutator, map: &GcMap<'gc, Key, Gc<'gc, u64>>, random: &mut Random) {
    let key = Key(random.below(100));
    match random.below(9) {
        0..=2 => drop(map.insert(m, key.clone(), m.alloc(key.0))),
        3 => drop(map.get_or_insert_with(m, key.clone(), || made(m, key.0))),
        4 => drop(map.update(m, &key, |old| made(m, **old))),
        5 => drop(map.remove(m, &key)),
        6 => drop(map.get(&key)),
        7 => map.retain(m, |_, value| **value % 5 != attack() % 5),
        _ => assert!(map.iter().all(|(key, value)| key.0 == **value)),
    }
}

/// Every entry is one that was put in.
fn check<'gc>(map: &GcMap<'gc, Key, Gc<'gc, u64>>) {
    hostile::behave();
    assert!(map.iter().all(|(key, value)| key.0 == **value && key.0 < 100));
}

#[test]
fn user_code_that_panics_leaves_a_map_whole() {
    let heap = under("verify,every-safepoint=5,full-every=5").build().unwrap();
    let mut m = heap.attach().unwrap();
    for seed in part(0..60) {
        let mut random = Random::new(seed);
        let map: Root<Gc<Map>> = m.root(m.alloc(GcMap::<Key, Gc<u64>>::new()));
        for _ in 0..200 {
            hostile::panic_at(1 + random.below(20) as u32);
            let _ = catch_unwind(AssertUnwindSafe(|| act(&m, &map.get(&m), &mut random)));
            check(&map.get(&m));
            m.safepoint();
        }
        let there = map.get(&m).len();
        let removed = (0..100).filter(|&key| map.get(&m).remove(&m, &Key(key)).is_some()).count();
        assert_eq!(removed, there, "a key is missed, or was there twice");
        assert_eq!((map.get(&m).len(), map.get(&m).iter().count()), (0, 0), "a key was there twice");
    }
}

/// Lies make a map miss keys and have them twice: what it returns was put in, its length is the number of its entries, and it goes on.
#[test]
fn user_code_that_lies_does_no_more_than_that() {
    let heap = under("verify,every-safepoint=5,full-every=5").build().unwrap();
    let mut m = heap.attach().unwrap();
    for seed in part(0..60) {
        let mut random = Random::new(seed);
        let map: Root<Gc<Map>> = m.root(m.alloc(GcMap::<Key, Gc<u64>>::new()));
        for _ in 0..300 {
            hostile::lie_by(Random::new(random.draw()));
            act(&m, &map.get(&m), &mut random);
            hostile::behave();
            m.safepoint();
        }
        map.get(&m).clear(&m);
        while !map.get(&m).is_empty() {
            map.get(&m).clear(&m);
        }
        assert_eq!(map.get(&m).iter().count(), 0);
        map.get(&m).insert(&m, Key(1), m.alloc(1));
        assert_eq!((map.get(&m).get(&Key(1)).map(|value| **value), map.get(&m).len()), (Some(1), 1));
    }
}

/// A key whose equality changes the map that compares it.
#[test]
fn equality_that_changes_the_map() {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    #[derive(Trace)]
    struct Meddler<'gc> {
        number: u64,
        map: Option<Gc<'gc, Shared<'gc>>>,
    }
    #[derive(Trace)]
    struct Shared<'gc> {
        map: GcMap<'gc, u64, Gc<'gc, u64>>,
    }
    impl PartialEq for Meddler<'_> {
        fn eq(&self, other: &Self) -> bool {
            DEPTH.set(DEPTH.get() + 1);
            if let Some(shared) = self.map.or(other.map) {
                assert!(shared.map.iter().count() <= 40);
            }
            self.number == other.number
        }
    }
    impl Eq for Meddler<'_> {}
    impl Hash for Meddler<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write_u8(0);
        }
    }
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<Meddler, u64>>> = m.root(m.alloc(GcMap::<Meddler, u64>::new()));
    let shared: Root<Gc<Shared>> = m.root(m.alloc(Shared { map: GcMap::new() }));
    for number in 0..40 {
        let shared = shared.get(&m);
        shared.map.insert(&m, number, m.alloc(number));
        map.get(&m).insert(&m, Meddler { number, map: Some(shared) }, number);
    }
    assert!(DEPTH.get() > 700);
    assert_eq!(map.get(&m).len(), 40);
    m.collect(Collect::Full);
    assert!((0..40).all(|number| map.get(&m).get(&Meddler { number, map: None }) == Some(&number)));
}

/// Closures that change the map they are called by, also the entry that they are called for.
#[test]
fn closures_that_change_the_map() {
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    let map = m.alloc(GcMap::<u64, u64>::new());
    let made = map.get_or_insert_with(&m, 1, || {
        map.extend(&m, (0..100).map(|key| (key, key + 1000)));
        7
    });
    assert_eq!(*made, 1001, "the value that was put in first is the one");
    let mut calls = 0;
    let updated = map.update(&m, &1, |old| {
        calls += 1;
        if calls == 1 {
            map.extend(&m, (100..1000).map(|key| (key, key)));
            map.insert(&m, 1, 50);
        }
        old + 1
    });
    assert_eq!((updated, calls), (Some(&51), 2));
    map.retain(&m, |key, _| {
        map.insert(&m, *key, 3);
        false
    });
    assert_eq!((map.len(), map.iter().filter(|(_, value)| **value == 3).count()), (1000, 1000));
    map.retain(&m, |key, _| {
        map.remove(&m, key);
        false
    });
    assert!(map.is_empty() && map.iter().next().is_none());
}

#[test]
fn an_iterator_that_is_forgotten_holds_nothing_up() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<u64, u64>>> = m.root(m.alloc(GcMap::<u64, u64>::new()));
    map.get(&m).extend(&m, (0..100).map(|key| (key, key)));
    {
        let map = map.get(&m);
        let mut entries = map.iter();
        assert!(entries.next().is_some());
        mem::forget(entries);
        map.clear(&m);
    }
    m.collect(Collect::Full);
    assert!(map.get(&m).is_empty());
}
