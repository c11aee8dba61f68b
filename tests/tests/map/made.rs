//! Maps and sets that are made of an iterator, and printed.

use std::iter;

use gc_core::{Collect, Gc, GcMap, GcSet, GcTextMap, Root, Trace};
use gc_tests::heaps::checked;

#[test]
fn what_an_iterator_yields_is_in_the_map() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Root<Gc<GcMap<u64, Gc<u64>>>> =
        m.root(m.alloc(GcMap::from_entries(&m, (0..1000_u64).map(|key| (key % 700, m.alloc(key))))));
    let set: Root<Gc<GcSet<u64>>> = m.root(m.alloc(GcSet::from_members(&m, [3_u64, 1, 3])));
    let texts: Root<Gc<GcTextMap<u64>>> = m.root(m.alloc(GcTextMap::from_entries(&m, [("one", 1_u64), ("two", 2)])));
    m.collect(Collect::Full);
    assert_eq!(map.get(&m).len(), 700);
    assert!(
        (0..700)
            .all(|key| map.get(&m).get(&key).is_some_and(|value| **value == if key < 300 { key + 700 } else { key }))
    );
    assert_eq!((set.get(&m).len(), set.get(&m).contains(&1)), (2, true));
    assert_eq!((texts.get(&m).len(), texts.get(&m).get("two")), (2, Some(&2)));
}

/// An iterator may promise as much as it likes: nothing is made for what it does not yield.
#[test]
fn an_iterator_that_promises_much_makes_no_big_table() {
    struct Boaster;
    impl Iterator for Boaster {
        type Item = (u64, u64);

        fn next(&mut self) -> Option<(u64, u64)> {
            None
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (usize::MAX, None)
        }
    }
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    assert!(GcMap::from_entries(&m, Boaster).is_empty());
    assert!(GcSet::from_members(&m, Boaster).is_empty());
    assert!(GcTextMap::<u64>::from_entries(&m, iter::empty::<(&str, u64)>()).is_empty());
    assert!(heap.stats().memory_bytes < 64 << 20);
}

#[test]
fn maps_are_printed_with_their_entries() {
    #[derive(Debug, Trace)]
    struct Server<'gc> {
        users: GcMap<'gc, u64, Gc<'gc, str>>,
        open: GcSet<'gc, u64>,
        names: GcTextMap<'gc, u64>,
    }
    let heap = checked().build().unwrap();
    let m = heap.attach().unwrap();
    let server = m.alloc(Server {
        users: GcMap::from_entries(&m, [(7, m.alloc_str("Ada"))]),
        open: GcSet::from_members(&m, [80]),
        names: GcTextMap::from_entries(&m, [("Ada", 7)]),
    });
    assert_eq!(format!("{server:?}"), r#"Server { users: {7: "Ada"}, open: {80}, names: {"Ada": 7} }"#);
}
