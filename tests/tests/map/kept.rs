//! What a map keeps alive: what is in it, and nothing else.

use gc_core::{ById, Collect, Gc, GcMap, Root, Slot, Trace, Weak};
use gc_tests::heaps::{checked, under};

type Map = Root<Gc<'static, GcMap<'static, u64, Gc<'static, u64>>>>;

/// A map of which every value was removed, replaced or left, and weak references to those that were there first.
fn removed(profile: &str, entries: u64) {
    let heap = under(profile).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, Gc<u64>>::new()));
    let mut weak: Vec<Root<Weak<u64>>> = Vec::new();
    for key in 0..entries {
        let value = m.alloc(key);
        map.get(&m).insert(&m, key, value);
        weak.push(m.root(Gc::downgrade(value, &m)));
        m.safepoint();
    }
    for key in 0..entries {
        match key % 3 {
            0 => assert_eq!(map.get(&m).remove(&m, &key).map(|value| **value), Some(key)),
            1 => assert_eq!(map.get(&m).insert(&m, key, m.alloc(key + 1)).map(|value| **value), Some(key)),
            _ => {}
        }
        m.safepoint();
    }
    m.collect(Collect::Full);
    for key in 0..entries {
        assert_eq!(weak[key as usize].get(&m).is_dead(&m), key % 3 != 2, "the value of {key} of {entries}");
        let there = map.get(&m).get(&key).map(|value| **value);
        assert_eq!(there, [None, Some(key + 1), Some(key)][(key % 3) as usize]);
    }
}

/// Also where the table was moving to another one when the last entry was removed.
#[test]
fn what_was_removed_or_replaced_is_garbage() {
    for entries in 0..40 {
        removed("", entries);
    }
    removed("", 1000);
    removed("verify,every-safepoint=7,full-every=5,promote-always", 300);
}

#[test]
fn a_removed_key_is_garbage() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<ById<u64>, ()>>> = m.root(m.alloc(GcMap::<ById<u64>, ()>::new()));
    let weak: Root<Weak<u64>> = {
        let key = m.alloc(1);
        map.get(&m).insert(&m, Gc::by_id(key, &m), ());
        assert!(map.get(&m).remove(&m, &Gc::by_id(key, &m)).is_some());
        m.root(Gc::downgrade(key, &m))
    };
    m.collect(Collect::Full);
    assert!(weak.get(&m).is_dead(&m));
}

/// A value that leads back to the map that it is in.
#[test]
fn a_map_in_a_cycle_is_garbage() {
    #[derive(Trace)]
    struct Scope<'gc> {
        names: GcMap<'gc, u64, Gc<'gc, Scope<'gc>>>,
        outer: Slot<'gc, Scope<'gc>>,
    }
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let weak: Root<Weak<Scope>> = {
        let outer = m.alloc(Scope { names: GcMap::new(), outer: Slot::null() });
        for key in 0..100 {
            let inner = m.alloc(Scope { names: GcMap::new(), outer: Slot::from(outer) });
            inner.names.insert(&m, key, outer);
            outer.names.insert(&m, key, inner);
        }
        outer.outer.set(&m, outer.names.get(&7).copied());
        m.root(Gc::downgrade(outer, &m))
    };
    m.collect(Collect::Full);
    assert!(weak.get(&m).is_dead(&m));
}

/// A map that has been emptied takes little: its table has shrunk.
#[test]
fn an_emptied_map_shrinks() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<u64, u64>>> = m.root(m.alloc(GcMap::<u64, u64>::new()));
    map.get(&m).extend(&m, (0..100_000).map(|key| (key, key)));
    m.collect(Collect::Full);
    let full = heap.stats().old_bytes;
    map.get(&m).clear(&m);
    assert!(map.get(&m).is_empty());
    // A few writes, as a map that is used has them.
    for key in 0..40_000 {
        map.get(&m).insert(&m, key % 8, key);
        m.safepoint();
    }
    m.collect(Collect::Full);
    let emptied = heap.stats().old_bytes;
    assert!(emptied < full / 20, "{full} bytes before, {emptied} after");
}
