//! User code in `Hash`, `Eq` and closures that panics, lies and comes back to the table: the table stays whole, and what is dead leaves.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use gc_core::{Gc, Interner, Leaf, Mutator, Root, Trace, WeakKeyMap, WeakSet, WeakValueMap};
use gc_tests::{
    heaps::{checked, under},
    hostile::{self, Key, attack},
    random::Random,
    sizes::part,
};

use super::collect_all;

#[derive(Trace, Clone, Copy)]
struct Tables<'gc> {
    names: Interner<'gc, Key>,
    known: WeakValueMap<'gc, Key, Key>,
    notes: WeakKeyMap<'gc, Key, u64>,
    set: WeakSet<'gc, Key>,
}

/// Does something with a key. All panics are caught outside. Returns an object, perhaps to be kept.
fn act<'gc>(m: &'gc Mutator, tables: Tables<'gc>, random: &mut Random) -> Option<Gc<'gc, Key>> {
    let Tables { names, known, notes, set } = tables;
    let key = Key(random.below(100));
    match random.below(12) {
        0..=2 => return Some(names.intern(m, key)),
        3 => {
            return Some(names.intern_with(m, &key, || {
                attack();
                m.alloc(key.clone())
            }));
        }
        4 => return known.insert(m, key.clone(), m.alloc(key)),
        5 => return Some(known.get_or_insert_with(m, key.clone(), || names.intern(m, key))),
        6 => return names.remove(m, &key),
        7 => return known.remove(m, &key),
        8 => known.retain(m, |key, _| key.0 % 5 != attack() % 5),
        9 => {
            let object = names.intern(m, key);
            notes.get_or_insert_with(m, object, attack);
            set.insert(m, object);
        }
        10 => notes.retain(m, |_, _| attack() % 5 != 1),
        _ => {
            names.iter(m).for_each(|name| assert!(name.0 < 100));
            known.iter(m).for_each(|(key, _)| assert!(key.0 < 100));
        }
    }
    None
}

fn run(profile: &str, panics: bool, lies: bool) {
    for seed in part(0..6) {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let tables = m.root(Tables {
            names: Interner::new(&m),
            known: WeakValueMap::new(&m),
            notes: WeakKeyMap::new(&m),
            set: WeakSet::new(&m),
        });
        let mut random = Random::new(seed);
        let mut kept: Vec<Root<Gc<'static, Key>>> = Vec::new();
        for _ in 0..2000 {
            hostile::behave();
            if panics {
                hostile::panic_at(1 + random.below(6) as u32);
            }
            if lies {
                hostile::lie_by(Random::new(random.draw()));
            }
            let done = catch_unwind(AssertUnwindSafe(|| act(&m, tables.get(&m), &mut random)));
            if let Ok(Some(object)) = done
                && random.below(4) == 0
            {
                kept.push(m.root(object));
            }
            if kept.len() > 30 {
                kept.swap_remove(random.below(30) as usize);
            }
            m.safepoint();
        }
        hostile::behave();
        kept.clear();
        collect_all(&mut m);
        let here = tables.get(&m);
        assert_eq!((here.names.len(), here.known.len(), here.notes.len(), here.set.len()), (0, 0, 0, 0));
    }
}

#[test]
fn user_code_that_panics_leaves_a_table_whole() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    run("verify,every-safepoint=7", true, false);
    std::panic::set_hook(hook);
}

#[test]
fn user_code_that_lies_harms_nothing_else() {
    run("verify,every-safepoint=7", false, true);
    run("verify,every-safepoint=9,full-every=2,compact-always,promote-always", false, true);
}

/// Closures that come back to the table with the same key.
#[test]
fn what_makes_a_value_may_come_first() {
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    let names = Interner::<str>::new(&m);
    let mut inner = None;
    let outer = names.intern_with(&m, "Ada", || {
        inner = Some(names.intern(&m, "Ada"));
        m.alloc_str("Ada")
    });
    assert!(Gc::ptr_eq(outer, inner.unwrap()) && names.len() == 1);
    let map = WeakKeyMap::<str, u64>::new(&m);
    assert_eq!(map.get_or_insert_with(&m, outer, || *map.get_or_insert_with(&m, outer, || 1) + 1), &1);
    let known = WeakValueMap::<u64, str>::new(&m);
    let object = known.get_or_insert_with(&m, 1, || {
        known.insert(&m, 1, outer);
        m.alloc_str("Bob")
    });
    assert!(Gc::ptr_eq(object, outer) && known.len() == 1);
}

/// What `make` returns is put in for what was asked for.
#[test]
fn an_object_of_another_content_is_found_by_nobody_else() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let names = m.root(Interner::<str>::new(&m));
    let bob = m.root(names.get(&m).intern_with(&m, "Ada", || m.alloc_str("Bob")));
    assert!(names.get(&m).get(&m, "Ada").is_none());
    let ada = m.root(names.get(&m).intern(&m, "Ada"));
    assert_eq!((&*ada.get(&m), names.get(&m).len()), ("Ada", 2));
    drop((ada, bob));
    collect_all(&mut m);
    assert_eq!(names.get(&m).len(), 0);
}

/// What `change` does to its own entry and to the table is done before its value is put in, or instead of it.
#[test]
fn what_changes_a_value_may_use_the_table() {
    for profile in ["verify", "verify,tiny-nursery", "verify,promote-always,pretenure"] {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let map = m.root(WeakKeyMap::<Key, u64>::new(&m));
        let keys: Vec<Root<Gc<'static, Key>>> = (0..200).map(|n| m.root(m.alloc(Key(n)))).collect();
        {
            let (map, m) = (map.get(&m), &m);
            let key = keys[0].get(m);
            map.insert(m, key, 1);
            // An update inside of an update, of the same key: the outer one sees it.
            let mut seen = Vec::new();
            let after = map.update(m, key, |&n| {
                seen.push(n);
                if seen.len() == 1 {
                    assert_eq!(map.update(m, key, |n| n * 10), Some(&10));
                }
                n + 1
            });
            assert_eq!((after, &*seen), (Some(&11), &[1, 10][..]));
            // Removed and put in again.
            let mut calls = 0;
            let after = map.update(m, key, |&n| {
                calls += 1;
                if calls == 1 {
                    map.remove(m, key);
                    map.insert(m, key, 20);
                }
                n + 1
            });
            assert_eq!((after, calls, map.len()), (Some(&21), 2, 1));
            // The table moves to a larger one, and back.
            let mut calls = 0;
            let after = map.update(m, key, |&n| {
                calls += 1;
                if calls < 4 {
                    keys[1..].iter().for_each(|other| _ = map.insert(m, other.get(m), 0));
                    map.retain(m, |other, _| other.0 == 0);
                }
                n + 1
            });
            assert_eq!((after, map.get(m, key), map.len()), (Some(&22), Some(&22), 1));
            assert!(calls <= 4, "{calls} calls");
            // All entries are removed.
            let after = map.update(m, key, |&n| {
                map.retain(m, |_, _| false);
                n + 1
            });
            assert_eq!((after, map.len()), (None, 0));
        }
        drop(keys);
        collect_all(&mut m);
        assert_eq!(map.get(&m).len(), 0);
    }
}

/// A panic in any call of user code, at any depth, leaves what was there: the value of before, or that of the inner update.
#[test]
fn a_change_that_panics_changes_nothing() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map = m.root(WeakKeyMap::<u64, Counted>::new(&m));
    let key = m.root(m.alloc(7_u64));
    let alive = Arc::new(());
    map.get(&m).insert(&m, key.get(&m), Counted(0, Leaf(alive.clone())));
    for round in 1..200 {
        let (map, key, before) = (map.get(&m), key.get(&m), round - 1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            map.update(&m, key, |value| {
                assert_eq!(value.0, before);
                if round % 3 == 0 {
                    map.update(&m, key, |value| Counted(value.0 + 1, value.1.clone()));
                }
                let _new = Counted(value.0 + 100, value.1.clone());
                panic!("on purpose")
            });
        }));
        assert!(panicked.is_err());
        if round % 3 != 0 {
            assert_eq!(map.get(&m, key).map(|value| value.0), Some(before));
            map.update(&m, key, |value| Counted(round, value.1.clone()));
        }
        assert_eq!((map.get(&m, key).map(|value| value.0), map.len()), (Some(round), 1));
        m.safepoint();
    }
    drop(key);
    collect_all(&mut m);
    assert_eq!((map.get(&m).len(), Arc::strong_count(&alive)), (0, 1), "nothing leaks");
}

/// A value that is dropped when its entry has gone.
#[derive(Trace)]
struct Counted(u64, Leaf<Arc<()>>);

/// `Clone` of the elements that panics, and that interns what is being interned.
#[test]
fn a_clone_may_panic_and_intern_the_same() {
    thread_local! {
        static CLONES: Cell<u32> = const { Cell::new(u32::MAX) };
    }
    #[derive(Trace, PartialEq, Eq, Hash, Debug)]
    struct Element(u64);
    impl Clone for Element {
        fn clone(&self) -> Self {
            CLONES.set(CLONES.get().wrapping_sub(1));
            assert!(CLONES.get() != 0, "on purpose");
            Self(self.0)
        }
    }
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let rows = m.root(Interner::<[Element]>::new(&m));
    let row: Vec<Element> = (0..20).map(Element).collect();
    for call in 1..=20 {
        let rows = rows.get(&m);
        CLONES.set(call);
        assert!(catch_unwind(AssertUnwindSafe(|| rows.intern(&m, &row))).is_err());
        CLONES.set(call);
        assert!(catch_unwind(AssertUnwindSafe(|| rows.try_intern(&m, &row))).is_err());
        CLONES.set(u32::MAX);
        assert!(rows.is_empty() && rows.get(&m, &*row).is_none());
        m.safepoint();
    }
    {
        let rows = rows.get(&m);
        let mut inner = None;
        let outer = rows.try_intern_with(&m, &*row, || {
            inner = Some(rows.intern(&m, &row));
            m.try_alloc_slice_with(row.len(), |n| row[n].clone())
        });
        assert!(outer.is_ok_and(|outer| Gc::ptr_eq(outer, inner.unwrap())) && rows.len() == 1);
        // Removed meanwhile, and another one put in: the last one counts, whichever is returned is in.
        let outer = rows.try_intern_with(&m, &row[..3], || {
            inner = Some(rows.intern(&m, &row[..3]));
            rows.remove(&m, &row[..3]);
            m.try_alloc_slice_with(3, |n| row[n].clone())
        });
        let outer = outer.unwrap();
        assert!(!Gc::ptr_eq(outer, inner.unwrap()) && Gc::ptr_eq(rows.get(&m, &row[..3]).unwrap(), outer));
    }
    collect_all(&mut m);
    assert_eq!(rows.get(&m).len(), 0);
}
