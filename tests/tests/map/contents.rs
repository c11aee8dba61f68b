//! Keys by the content of objects, which move; and look-ups by what no key can lend.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher},
};

use gc_core::{Gc, GcMap, GcSet, Root, Trace, blocking, map::Matches};
use gc_tests::{
    heaps::{calm, under},
    random::Random,
    sizes::scaled,
};

type Texts = Root<Gc<'static, GcMap<'static, Gc<'static, str>, u64>>>;

#[test]
fn texts_in_the_heap_are_found_by_texts_outside() {
    for profile in ["verify,every-safepoint=20", "verify,every-safepoint=5,full-every=3,compact-always,promote-always"]
    {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let texts: Texts = m.root(m.alloc(GcMap::<Gc<str>, u64>::new()));
        let (mut random, mut model) = (Random::new(1), HashMap::new());
        for step in 0..scaled(3_000) {
            let text = format!("text {}", random.below(300));
            let here = texts.get(&m);
            match random.below(4) {
                0 | 1 => {
                    let key = m.alloc_str(&text);
                    assert_eq!(here.insert(&m, key, step).copied(), model.insert(text, step));
                }
                2 => assert_eq!(here.remove(&m, text.as_str()).copied(), model.remove(&text)),
                _ => {
                    assert_eq!(here.get(text.as_str()).copied(), model.get(&text).copied());
                    assert_eq!(here.get(&m.alloc_str(&text)), here.get(text.as_str()));
                }
            }
            assert_eq!(here.len(), model.len());
            m.safepoint();
        }
        assert!(texts.get(&m).iter().all(|(key, value)| model[&**key] == *value));
    }
}

/// Threads that put equal texts in, each its own object, agree on one.
#[test]
fn equal_objects_are_one_member() {
    let heap = under("every-safepoint=200").build().unwrap();
    let mut m = heap.attach().unwrap();
    let set: Root<Gc<GcSet<Gc<str>>>> = m.root(m.alloc(GcSet::<Gc<str>>::new()));
    let rounds = scaled(4_000);
    let new: usize = blocking::scope(&mut m, |scope| {
        let (heap, set) = (&heap, &set);
        let work = move || {
            let mut m = heap.attach().unwrap();
            let mut new = 0;
            for round in 0..rounds {
                let text = format!("{round}");
                let here = set.get(&m);
                let mine = m.alloc_str(&text);
                let found = *here.get_or_insert(&m, mine);
                assert_eq!(&*found, text);
                new += usize::from(Gc::ptr_eq(found, mine));
                m.safepoint();
            }
            new
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((new as u64, set.get(&m).len() as u64), (rounds, rounds));
}

#[test]
fn a_pointer_is_compared_as_its_object() {
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let [one, same, two] = [1, 1, 2].map(|number| m.alloc(number));
    assert!(one == same && one != two && one < two && !Gc::ptr_eq(one, same));
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    assert_eq!(hash(&|hasher| one.hash(hasher)), hash(&|hasher| 1.hash(hasher)));
    assert_eq!((format!("{one:?}"), format!("{two}"), *two), ("1".to_owned(), "2".to_owned(), 2));
    assert_eq!(size_of_val(&one), size_of::<usize>());
}

/// A pair of a text in the heap and a number is looked up by a pair that has a text outside, among keys that all have one hash.
#[test]
fn a_key_is_looked_up_by_what_it_matches() {
    #[derive(Default)]
    struct OneHash;
    impl Hasher for OneHash {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, _: &[u8]) {}
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Trace)]
    struct Name<'gc>(u64, Gc<'gc, str>);
    #[derive(Hash)]
    struct Sought<'a>(u64, &'a str);
    impl Matches<Sought<'_>> for Name<'_> {
        fn matches(&self, sought: &Sought<'_>) -> bool {
            (self.0, &*self.1) == (sought.0, sought.1)
        }
    }
    let heap = calm().build().unwrap();
    let m = heap.attach().unwrap();
    let map = m.alloc(GcMap::<Name, u64, BuildHasherDefault<OneHash>>::default());
    for number in 0..20 {
        for text in ["a", "b"] {
            map.insert(&m, Name(number, m.alloc_str(text)), number * 2 + u64::from(text == "b"));
        }
    }
    assert_eq!((map.get(&Sought(7, "a")), map.get(&Sought(7, "b"))), (Some(&14), Some(&15)));
    assert!(
        map.contains_key(&Sought(0, "a")) && !map.contains_key(&Sought(0, "c")) && !map.contains_key(&Sought(20, "a"))
    );
    assert_eq!(map.update(&m, &Sought(7, "a"), |value| value + 100), Some(&114));
    assert_eq!((map.remove(&m, &Sought(7, "b")), map.remove(&m, &Sought(7, "b"))), (Some(&15), None));
    assert_eq!(map.len(), 39);
}
