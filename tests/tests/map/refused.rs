//! Memory that is refused anywhere in a write: the map is as it was, goes on, and removes.

use gc_core::{Collect, Gc, GcMap, Root};
use gc_tests::heaps::calm;

/// Puts entries into a small heap until one is refused, in a map whose table is in any state by then.
#[test]
fn a_refused_insertion_gives_its_key_and_value_back() {
    for first in 0..40 {
        let heap = calm().nursery_bytes(1 << 18).hard_limit(5 << 20).build().unwrap();
        let mut m = heap.attach().unwrap();
        let map: Root<Gc<GcMap<u64, [u64; 4]>>> = m.root(m.alloc(GcMap::<u64, [u64; 4]>::new()));
        for key in 0..first {
            map.get(&m).insert(&m, key, [key; 4]);
        }
        let mut key = first;
        let refused = loop {
            match map.get(&m).try_insert(&m, key, [key; 4]) {
                Ok(before) => assert_eq!(before, None),
                Err(error) => break error.into_value(),
            }
            key += 1;
            m.safepoint();
        };
        assert_eq!(refused, Some((key, [key; 4])));
        assert!(map.get(&m).try_get_or_insert_with(&m, key, || [key; 4]).is_err());
        assert!(map.get(&m).try_insert(&m, 0, [0; 4]).is_err());
        let map = map.get(&m);
        assert_eq!((map.len(), map.iter().count()), (key as usize, key as usize));
        assert!((0..key).all(|key| map.get(&key) == Some(&[key; 4])));
        // To remove takes no memory.
        assert!((0..key).all(|key| map.remove(&m, &key) == Some(&[key; 4])));
        assert!(map.is_empty() && map.iter().next().is_none());
    }
}

#[test]
fn a_map_that_was_refused_memory_goes_on_when_there_is_some() {
    let heap = calm().nursery_bytes(1 << 18).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<u64, u64>>> = m.root(m.alloc(GcMap::<u64, u64>::new()));
    let mut there = 0;
    let mut refusals = 0;
    for _ in 0..60 {
        heap.set_hard_limit(Some(0));
        while map.get(&m).try_insert(&m, there, there).is_ok() {
            there += 1;
        }
        refusals += 1;
        heap.set_hard_limit(None);
        assert_eq!(map.get(&m).try_insert(&m, there, there).unwrap(), None);
        there += 1;
        assert_eq!(map.get(&m).len(), there as usize);
        if refusals % 20 == 0 {
            m.collect(Collect::Full);
            let map = map.get(&m);
            assert!((0..there).all(|key| map.get(&key) == Some(&key)));
        }
    }
}
