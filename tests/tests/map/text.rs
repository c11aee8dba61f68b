//! `GcTextMap`: in step with a map of std, with texts of any length, in one object with their values, wherever that lies.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use gc_core::{
    Collect, Gc, GcTextMap, Heap, Root, Trace, blocking,
    map::{Cursor, DefaultHashBuilder},
    observe::Census,
};
use gc_tests::{
    heaps::{calm, settle, under},
    ledger::{Ledger, Token},
    random::Random,
    sizes::scaled,
};

type Map = Root<Gc<'static, GcTextMap<'static, Gc<'static, u64>>>>;

/// A text for each number: empty, short, or longer than the largest cell, and not only of letters.
fn text(number: u64) -> String {
    let letters = ["a", "ß", "語", "🦀"];
    let len = match number % 40 {
        0 => 0,
        1 => 9_000,
        2 => 700,
        short => short as usize,
    };
    let start = number.to_string();
    if number == 0 { String::new() } else { start + &letters[number as usize % 4].repeat(len) }
}

/// A hasher of few hashes: keys of equal length lie in one run, and are told apart by their bytes alone.
#[derive(Default)]
struct Length(u64);

impl Hasher for Length {
    fn finish(&self) -> u64 {
        self.0 % 3
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

fn in_step<S: BuildHasher + Default + Send + Sync + 'static>(heap: &Heap, seed: u64) {
    let mut m = heap.attach().unwrap();
    type MapBy<S> = Root<Gc<'static, GcTextMap<'static, Gc<'static, u64>, str, S>>>;
    let map: MapBy<S> = m.root(m.alloc(GcTextMap::<Gc<u64>, str, S>::default()));
    let (mut random, mut model) = (Random::new(seed), HashMap::<String, u64>::new());
    let number = |value: &Gc<u64>| **value;
    for step in 0..300 {
        let key = text(random.below(120));
        let here = map.get(&m);
        match random.below(10) {
            0..=2 => assert_eq!(here.insert(&m, &key, m.alloc(step)).map(number), model.insert(key, step)),
            3 => {
                let found = number(here.get_or_insert_with(&m, &key, || m.alloc(step)));
                assert_eq!(found, *model.entry(key).or_insert(step));
            }
            4 => {
                let after = here.update(&m, &key, |old| m.alloc(**old + 1)).map(number);
                let model = model.get_mut(&key).map(|old| {
                    *old += 1;
                    *old
                });
                assert_eq!(after, model);
            }
            5 => {
                let right = random.below(2) == 0;
                let current = here.get(&key).filter(|_| right);
                let done = here.compare_exchange(&m, &key, current, m.alloc(step));
                let there = model.get(&key).copied();
                if right || there.is_none() {
                    assert_eq!(done.map(number).ok(), Some(step));
                    model.insert(key, step);
                } else {
                    assert_eq!(done.map(number).map_err(|other| other.map(number)), Err(there));
                }
            }
            6 | 7 => assert_eq!(here.remove(&m, &key).map(number), model.remove(&key)),
            8 => {
                let found = here.get_key_value(&key).map(|(key, value)| (key.to_owned(), **value));
                assert_eq!(found, model.get_key_value(&key).map(|(key, value)| (key.clone(), *value)));
                assert_eq!(
                    (here.contains_key(&key), here.get(&key).map(number)),
                    (found.is_some(), found.map(|of| of.1))
                );
            }
            _ if random.below(20) == 0 => {
                here.retain(&m, |key, _| key.len() % 3 != 0);
                model.retain(|key, _| key.len() % 3 != 0);
            }
            _ => {
                if let Some(current) = here.get(&key) {
                    assert!(here.compare_remove(&m, &key, current).is_ok());
                    model.remove(&key);
                }
            }
        }
        assert_eq!(here.len(), model.len());
        m.safepoint();
    }
    let (mut cursor, mut met) = (Cursor::new(), Vec::new());
    while map.get(&m).advance(&mut cursor, |key, value| met.push((key.to_owned(), **value))) {
        m.safepoint();
    }
    let mut expected: Vec<_> = model.into_iter().collect();
    let mut all: Vec<_> = map.get(&m).iter().map(|(key, value)| (key.to_owned(), **value)).collect();
    for entries in [&mut met, &mut expected, &mut all] {
        entries.sort_unstable();
    }
    assert_eq!((&met, &all), (&expected, &expected));
    map.get(&m).clear(&m);
    assert!(map.get(&m).is_empty() && map.get(&m).iter().next().is_none());
}

#[test]
fn as_a_map_of_std() {
    for profile in [
        "verify,every-safepoint=9",
        "verify,every-safepoint=5,full-every=3,compact-always,promote-always",
        "verify,every-safepoint=7,full-every=2,pretenure",
    ] {
        let heap = under(profile).build().unwrap();
        (0..scaled(8)).for_each(|seed| in_step::<DefaultHashBuilder>(&heap, seed));
        (0..scaled(4)).for_each(|seed| in_step::<BuildHasherDefault<Length>>(&heap, seed));
    }
}

#[test]
fn threads_that_share_texts() {
    let heap = under("verify,every-safepoint=200,full-every=3").build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcTextMap::<Gc<u64>>::new()));
    let rounds = scaled(1_500);
    blocking::scope(&mut m, |scope| {
        let (heap, map) = (&heap, &map);
        let work = |thread: u64| {
            move || {
                let mut m = heap.attach().unwrap();
                let mut random = Random::new(thread);
                for round in 0..rounds {
                    let shared = format!("shared {}", random.below(50));
                    let (mine, here) = (format!("{thread} has {}", round % 100), map.get(&m));
                    here.get_or_insert_with(&m, &shared, || m.alloc(0));
                    while here.update(&m, &shared, |old| m.alloc(**old + 1)).is_none() {}
                    here.insert(&m, &mine, m.alloc(round));
                    assert_eq!(here.get(&mine).map(|value| **value), Some(round));
                    if round % 3 == 0 {
                        assert_eq!(here.remove(&m, &mine).map(|value| **value), Some(round));
                    }
                    m.safepoint();
                }
            }
        };
        let threads: Vec<_> = (0..3).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let map = map.get(&m);
    let sum: u64 = map.iter().filter(|(key, _)| key.starts_with("shared")).map(|(_, value)| **value).sum();
    assert_eq!(sum, 3 * rounds);
}

#[test]
fn an_entry_is_one_object() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcTextMap<u64>>> = m.root(m.alloc(GcTextMap::<u64>::new()));
    for number in 0..1000 {
        map.get(&m).insert(&m, &format!("{number:016}"), number);
    }
    let census = Census::take(&mut m);
    let objects: usize = census.types().iter().map(|of| of.live.objects).sum();
    // With the map, its table, and what those need.
    assert!((1002..1020).contains(&objects), "{objects} objects:\n{census}");
    let entries = census.types().iter().find(|of| of.live.objects >= 1000).expect("a type of which there are as many");
    assert_eq!((entries.live.objects, entries.live.bytes), (1000, 48_000));
    assert_eq!(map.get(&m).get("0000000000000999"), Some(&999));
}

#[test]
fn bytes_are_keys_too() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcTextMap<u64, [u8]>>> = m.root(m.alloc(GcTextMap::<u64, [u8]>::new()));
    map.get(&m).extend(&m, (0..=255_u8).map(|byte| (vec![byte; usize::from(byte)], u64::from(byte))));
    m.collect(Collect::Full);
    let map = map.get(&m);
    assert!((0..=255_u8).all(|byte| map.get(&vec![byte; usize::from(byte)]) == Some(&u64::from(byte))));
    assert_eq!((map.get(&[1, 1]), map.get(&[]), map.len()), (None, Some(&0), 256));
}

/// What is removed is dropped, young, old and large, once.
#[test]
fn values_are_dropped() {
    #[derive(Trace)]
    struct Value(#[trace(skip)] Token);
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let ledger = Ledger::default();
    let map: Root<Gc<GcTextMap<Value>>> = m.root(m.alloc(GcTextMap::<Value>::new()));
    for round in 0..3 {
        for number in 0..100 {
            map.get(&m).insert(&m, &text(number), Value(ledger.token()));
        }
        if round > 0 {
            m.collect(Collect::Full);
        }
        settle(&heap);
    }
    map.get(&m).clear(&m);
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_all_once();
    assert_eq!(ledger.made(), 300);
}

#[test]
fn a_refused_text_leaves_the_map_as_it_was() {
    let heap = calm().nursery_bytes(1 << 18).hard_limit(6 << 20).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcTextMap<u64>>> = m.root(m.alloc(GcTextMap::<u64>::new()));
    let mut there = 0;
    let refused = loop {
        let key = format!("{there}{}", "x".repeat(3_000));
        match map.get(&m).try_insert(&m, &key, there) {
            Ok(before) => assert_eq!(before, None),
            Err(error) => break error.into_value(),
        }
        there += 1;
        m.safepoint();
    };
    assert_eq!(refused, Some(there));
    let map = map.get(&m);
    assert_eq!((map.len() as u64, map.iter().count() as u64), (there, there));
    assert!(map.iter().all(|(key, value)| key.starts_with(&value.to_string())));
}
