//! Memory that is refused anywhere in a write: the table is as it was, goes on, and its dead entries leave.

use gc_core::{Gc, Heap, Interner, Mutator, Root, WeakKeyMap, WeakSet, WeakValueMap};
use gc_tests::heaps::calm;

use super::collect_all;

/// Fills a small heap to its limit with what `insert` puts into a table, given the number of the object, which is kept. Returns how many there were when the
/// first one was refused.
#[track_caller]
fn fill(m: &mut Mutator, mut insert: impl FnMut(&mut Mutator, &Root<Gc<'static, u64>>) -> Result<(), ()>) -> u64 {
    let mut kept = Vec::new();
    let refused = (0..1_000_000).find(|&number| {
        let Ok(object) = m.try_alloc(number) else { return true };
        let object = m.root(object);
        let refused = insert(m, &object).is_err();
        kept.push(object);
        m.safepoint();
        refused
    });
    refused.expect("expected a refusal at the limit")
}

fn small() -> Heap {
    calm().nursery_bytes(1 << 18).hard_limit(5 << 20).build().unwrap()
}

#[test]
fn a_map_by_objects_gives_the_value_back() {
    let heap = small();
    let mut m = heap.attach().unwrap();
    let map = m.root(WeakKeyMap::<u64, String>::new(&m));
    let before = fill(&mut m, |m, key| {
        let (len, number) = (map.get(m).len(), *key.get(m));
        match map.get(m).try_insert(m, key.get(m), number.to_string()) {
            Ok(before) => assert_eq!(before, None),
            Err(error) => {
                assert!(error.into_value().is_none_or(|value| value == number.to_string()));
                assert!(map.get(m).get(m, key.get(m)).is_none());
                assert_eq!(map.get(m).len(), len, "as it was");
                return Err(());
            }
        }
        assert_eq!(map.get(m).get(m, key.get(m)), Some(&number.to_string()));
        Ok(())
    });
    assert!(before > 1000, "{before}");
    collect_all(&mut m);
    assert_eq!(map.get(&m).len(), 0, "no key is kept");
    let key = m.alloc(1);
    assert_eq!(map.get(&m).try_get_or_insert_with(&m, key, || "one".to_owned()).unwrap(), "one");
}

#[test]
fn a_map_of_objects_gives_the_key_back() {
    let heap = small();
    let mut m = heap.attach().unwrap();
    let map = m.root(WeakValueMap::<String, u64>::new(&m));
    let before = fill(&mut m, |m, object| {
        let (len, name) = (map.get(m).len(), object.get(m).to_string());
        match map.get(m).try_insert(m, name.clone(), object.get(m)) {
            Ok(before) => assert!(before.is_none()),
            Err(error) => {
                assert!(error.into_value().is_none_or(|key| key == name));
                assert!(map.get(m).get(m, &*name).is_none());
                assert_eq!(map.get(m).len(), len, "as it was");
                return Err(());
            }
        }
        assert!(Gc::ptr_eq(map.get(m).get(m, &*name).unwrap(), object.get(m)));
        Ok(())
    });
    assert!(before > 1000, "{before}");
    collect_all(&mut m);
    assert_eq!(map.get(&m).len(), 0, "no object is kept");
    let one = map.get(&m).try_get_or_insert_with(&m, "one".to_owned(), || m.try_alloc(1)).unwrap();
    assert_eq!(*one, 1);
}

#[test]
fn a_set_and_an_interner_are_as_they_were() {
    let heap = small();
    let mut m = heap.attach().unwrap();
    let set = m.root(WeakSet::<u64>::new(&m));
    let numbers = m.root(Interner::<u64>::new(&m));
    let before = fill(&mut m, |m, object| {
        let (set, numbers, object) = (set.get(m), numbers.get(m), object.get(m));
        let is_member = set.try_insert(m, object);
        assert_eq!(set.contains(m, object), is_member.is_ok());
        assert!(is_member.is_err() || is_member.is_ok_and(|new| new));
        let interned = numbers.try_intern_object(m, object);
        let found = numbers.get(m, Gc::as_ref(object));
        assert_eq!(found.is_some(), interned.is_ok());
        assert!(found.is_none_or(|found| Gc::ptr_eq(found, object)));
        if set.contains(m, object) && interned.is_ok() { Ok(()) } else { Err(()) }
    });
    assert!(before > 1000, "{before}");
    collect_all(&mut m);
    assert_eq!((set.get(&m).len(), numbers.get(&m).len()), (0, 0), "nothing is kept");
    assert_eq!(numbers.get(&m).try_intern(&m, 7).as_deref().ok(), Some(&7));
}

/// What a closure is refused is refused to the caller, whose table then has no entry of it.
#[test]
fn what_a_closure_is_refused_leaves_nothing() {
    let heap = small();
    let m = heap.attach().unwrap();
    let (names, map) = (Interner::<str>::new(&m), WeakValueMap::<u64, str>::new(&m));
    let long = "Ada".repeat(2 << 20);
    assert!(names.try_intern_with(&m, &*long, || m.try_alloc_str(&long)).is_err());
    assert!(names.try_intern(&m, &long).is_err());
    assert!(names.get(&m, &*long).is_none() && names.is_empty());
    assert!(map.try_get_or_insert_with(&m, 7, || m.try_alloc_str(&long)).is_err());
    assert!(map.get(&m, &7).is_none() && map.is_empty());
    assert_eq!(&*names.try_intern(&m, "Ada").unwrap(), "Ada");
    assert_eq!(&*map.try_get_or_insert_with(&m, 7, || m.try_alloc_str("Ada")).unwrap(), "Ada");
}

/// A heap that is nearly full refuses `try_alloc`, and gives `alloc` what it has: a write that panics where it is refused gets as much as that.
#[test]
fn what_panics_is_not_refused_before_alloc_is() {
    for write in 0..5 {
        let heap = small();
        let mut m = heap.attach().unwrap();
        let (notes, set) = (m.root(WeakKeyMap::<u64, u64>::new(&m)), m.root(WeakSet::<u64>::new(&m)));
        let (names, known) = (m.root(Interner::<u64>::new(&m)), m.root(WeakValueMap::<u64, u64>::new(&m)));
        let key = m.root(m.alloc(7_u64));
        // The tables have been made, and have room.
        let first = m.root(m.alloc(6_u64));
        notes.get(&m).insert(&m, key.get(&m), 0);
        set.get(&m).insert(&m, first.get(&m));
        names.get(&m).intern_object(&m, first.get(&m));
        known.get(&m).insert(&m, 0, first.get(&m));
        let mut kept = m.root(Vec::<Gc<[u64; 6]>>::new());
        while let Ok(object) = m.try_alloc([7; 6]) {
            kept.get_mut(&m).push(object);
            m.safepoint();
        }
        // What a region holds beyond the first refusal is had by both.
        while m.try_alloc(7_u64).is_ok() {}
        assert_eq!(*m.alloc(7_u64), 7, "what `alloc` gets");
        while m.try_alloc(7_u64).is_ok() {}
        let key = key.get(&m);
        match write {
            0 => assert_eq!(notes.get(&m).insert(&m, key, 1), Some(&0)),
            1 => assert_eq!(notes.get(&m).update(&m, key, |n| n + 1), Some(&1)),
            2 => assert!(set.get(&m).insert(&m, key)),
            3 => assert!(Gc::ptr_eq(names.get(&m).intern_object(&m, key), key)),
            _ => assert!(known.get(&m).insert(&m, 1, key).is_none()),
        }
    }
}
