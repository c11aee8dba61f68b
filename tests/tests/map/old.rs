//! What an old map costs a minor collection: what was written to it since the last one, however big it is.

use gc_core::{Collect, Gc, GcMap, Mutator, Root};
use gc_tests::{
    heaps::{MinorCost, calm, minor_cost},
    sizes::scaled,
};

type Map = Root<Gc<'static, GcMap<'static, u64, u64>>>;

#[test]
fn an_old_map_of_a_million_entries_costs_a_minor_collection_what_was_written_to_it() {
    const WRITES: u64 = 100;
    /// More than an entry, and what a write may leave beside it.
    const BYTES: u64 = 100;
    let heap = calm().auto(false).build().unwrap();
    let mut m = heap.attach().unwrap();
    let map: Map = m.root(m.alloc(GcMap::<u64, u64>::new()));
    let entries = scaled(1_000_000);
    for keys in 0..entries.div_ceil(1000) {
        map.get(&m).extend(&m, (keys * 1000..entries.min((keys + 1) * 1000)).map(|key| (key, key)));
        if keys % 16 == 0 {
            m.collect(Collect::Promote);
        }
    }
    // A move to another table that is under way ends.
    (0..entries).for_each(|key| _ = map.get(&m).insert(&m, key, key));
    m.collect(Collect::Full);

    let mut minor = |work: &dyn Fn(&Mutator)| minor_cost(&heap, &mut m, work);
    assert_eq!(minor(&|_| {}), MinorCost::default());
    let reads = minor(&|m| (0..entries).for_each(|key| assert!(map.get(m).get(&key).is_some())));
    assert_eq!(reads, MinorCost::default());
    // One in so many of the keys, all over the table.
    let keys = || (0..WRITES).map(|nth| nth * (entries / WRITES));
    let MinorCost { bytes, allocated, remembered: slots, .. } =
        minor(&|m| keys().for_each(|key| _ = map.get(m).insert(m, key, 0)));
    assert!((WRITES..WRITES * BYTES).contains(&bytes), "{bytes} bytes");
    assert!(allocated < WRITES * BYTES, "{allocated} bytes were allocated");
    assert!((WRITES..WRITES * 2).contains(&slots), "{slots} slots");
    // They are removed. What the slots have then is shared by all.
    let MinorCost { bytes, allocated, remembered: slots, .. } =
        minor(&|m| keys().for_each(|key| assert!(map.get(m).remove(m, &key).is_some())));
    assert!(bytes < WRITES * BYTES, "{bytes} bytes");
    assert!(allocated < WRITES * BYTES, "{allocated} bytes were allocated");
    assert!(slots < WRITES * 2, "{slots} slots");
}
