//! A map that is refused the table it would move to, or a part of the move.

use std::hash::{BuildHasherDefault, DefaultHasher};

use gc_core::{Collect, Gc, GcMap, Root};
use gc_tests::heaps::calm;

/// No seed: the same table each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Map = Root<Gc<'static, GcMap<'static, u64, u64, Hasher>>>;

/// A nearly empty map that is refused a smaller table has room in the one that it has.
#[test]
fn a_refused_smaller_table_does_not_close_the_map() {
    let heap = calm().nursery_bytes(1 << 18).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64, Hasher>::default()));
    map.get(&m).extend(&m, (0..20_000).map(|key| (key, key)));
    // A table of 2^12 groups of seven slots is nearly empty with fewer than 2688 entries. The smaller one has 2^10 groups, which are one segment.
    (0..17_300).for_each(|key| assert!(map.get(&m).remove(&m, &key).is_some()));
    m.collect(Collect::Full);
    let map = map.get(&m);
    map.insert(&m, 19_999, 0);
    // Entries still fit into the buffer of the thread, and segments do not.
    heap.set_hard_limit(Some(0));
    assert_eq!(map.try_insert(&m, 1, 1).map_err(|error| error.to_string()), Ok(None));
    (18_000..18_100).for_each(|key| assert!(map.remove(&m, &key).is_some()));
    assert_eq!(map.try_insert(&m, 2, 2).map_err(|error| error.to_string()), Ok(None));
}

/// Where a part of a move was refused, it is done later: the old table goes.
#[test]
fn a_move_that_was_refused_memory_ends() {
    let heap = calm().nursery_bytes(1 << 18).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64, Hasher>::default()));
    let mut there = 0;
    // Until the table begins to move.
    let before = loop {
        m.collect(Collect::Full);
        let before = heap.stats().old_bytes;
        // 2^13 groups are full with 43 008 entries. A segment of the next table has 64 KiB.
        let many = if there < 43_000 { 43_000 } else { 10 };
        map.get(&m).extend(&m, (there..there + many).map(|key| (key, key)));
        there += many;
        m.collect(Collect::Full);
        if there > 43_000 && heap.stats().old_bytes > before + 60_000 {
            break before;
        }
    };
    heap.set_hard_limit(Some(0));
    for key in 0..100 {
        let _ = map.get(&m).try_insert(&m, key, 1);
        map.get(&m).remove(&m, &(1000 + key));
    }
    heap.set_hard_limit(None);
    // More than enough to move each slot of the old table.
    for key in 0..40_000 {
        map.get(&m).insert(&m, key % 100, key);
        m.safepoint();
    }
    m.collect(Collect::Full);
    let after = heap.stats().old_bytes;
    assert!(after < before + 550_000, "{before} bytes before the move, {after} after");
}
