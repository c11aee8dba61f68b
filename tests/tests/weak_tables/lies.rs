//! User code in `Hash`, `Eq` and closures that panics, lies and comes back to the table: the table stays whole, and what is dead leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gc_core::{Gc, Interner, Mutator, Root, Trace, WeakKeyMap, WeakSet, WeakValueMap};
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
