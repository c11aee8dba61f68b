//! Dead entries leave without the program, and what they took is given back.

use gc_core::{ById, Collect, Gc, Interner, Leaf, Root, WeakKeyMap, WeakSet, WeakValueMap};
use gc_tests::{
    heaps::{TIMEOUT, calm, checked, settle, under},
    sizes::scaled,
};
use std::sync::Arc;

use super::collect_all;

#[test]
fn an_entry_whose_object_is_dead_leaves() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let names = m.root(Interner::<str>::new(&m));
    let kept = m.root(names.get(&m).intern(&m, "Ada"));
    names.get(&m).intern(&m, "nobody");
    m.collect(Collect::Young);
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!(names.get(&m).len(), 1);
    // It is old when it dies.
    collect_all(&mut m);
    drop(kept);
    collect_all(&mut m);
    assert_eq!(names.get(&m).len(), 0);
}

/// The table shrinks, too, while nobody uses it: young entries and old ones.
#[test]
fn storage_shrinks_while_nobody_touches_the_table() {
    const MANY: u64 = 50_000;
    for old in [false, true] {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let names = m.root(Interner::<u64>::new(&m));
        let mut kept: Root<Vec<Gc<u64>>> = m.root(Vec::<Gc<u64>>::new());
        for n in 0..MANY {
            let object = names.get(&m).intern(&m, n);
            kept.get_mut(&m).push(object);
            if n % 64 == 0 {
                m.safepoint();
            }
        }
        if old {
            collect_all(&mut m);
            assert_eq!(names.get(&m).len(), MANY as usize);
        }
        let full = heap.memory_report().old_cells;
        kept.get_mut(&m).truncate(10);
        kept.get_mut(&m).shrink_to_fit();
        collect_all(&mut m);
        assert_eq!(names.get(&m).len(), 10);
        // What the removal has left is garbage.
        collect_all(&mut m);
        let left = heap.memory_report().old_cells;
        assert!(left < 100 << 10 && (!old || full > 4 << 20), "{left} bytes of {full} are left");
        assert!((0..10).all(|n| Gc::ptr_eq(names.get(&m).intern(&m, n), kept.borrow(&m)[n as usize])));
    }
}

#[test]
fn values_go_with_their_keys() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let shared = Arc::new(());
    let map = m.root(WeakKeyMap::<u64, Leaf<Arc<()>>>::new(&m));
    let kept = m.root(m.alloc(7_u64));
    map.get(&m).insert(&m, kept.get(&m), Leaf(shared.clone()));
    for n in 0..100 {
        map.get(&m).insert(&m, m.alloc(n), Leaf(shared.clone()));
    }
    collect_all(&mut m);
    assert_eq!((map.get(&m).len(), Arc::strong_count(&shared)), (1, 2));
    drop(kept);
    collect_all(&mut m);
    assert_eq!((map.get(&m).len(), Arc::strong_count(&shared)), (0, 1));
}

/// The keys of a map whose values are weak go with the entries.
#[test]
fn keys_go_with_their_values() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let map = m.root(WeakValueMap::<ById<str>, u64>::new(&m));
    let watch = gc_core::ReferenceQueue::new(&heap);
    let key = m.alloc_str("a key");
    watch.watch(&m, key, ());
    map.get(&m).insert(&m, Gc::by_id(key, &m), m.alloc(7));
    collect_all(&mut m);
    collect_all(&mut m);
    assert_eq!((map.get(&m).len(), watch.poll()), (0, Some(())));
}

/// Few entries do not stop the program for each minor collection, but they leave, too.
#[test]
fn few_entries_wait_for_a_pause_that_is_asked_for() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let set = m.root(WeakSet::<u64>::new(&m));
    for _ in 0..100 {
        set.get(&m).insert(&m, m.alloc(7));
    }
    let before = heap.stats().collections.young;
    while heap.stats().collections.young < before + 3 {
        m.alloc([0_u64; 100]);
        m.safepoint();
    }
    m.blocked(|| settle(&heap));
    assert_eq!((set.get(&m).len(), set.get(&m).iter(&m).count()), (100, 0));
    m.collect(Collect::Young);
    m.drain_drops(TIMEOUT).unwrap();
    assert_eq!(set.get(&m).len(), 0);
}

/// A table that is garbage with its entries leaves nothing behind, though its keys live on.
#[test]
fn a_table_that_dies_leaves_nothing_with_its_keys() {
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let keys: Vec<Root<Gc<u64>>> = (0..100_u64).map(|n| m.root(m.alloc(n))).collect();
    let mut most = 0;
    for round in 0..scaled(40) {
        for _ in 0..20 {
            let (set, map) = (WeakSet::new(&m), WeakKeyMap::new(&m));
            for key in &keys {
                set.insert(&m, key.get(&m));
                map.insert(&m, key.get(&m), round);
            }
            m.safepoint();
        }
        collect_all(&mut m);
        let stats = heap.stats();
        assert_eq!(stats.registered, 100);
        let used = heap.memory_report().old_cells + stats.side_bytes;
        if round < 3 {
            most = most.max(used);
        }
        assert!(used <= most, "{used} bytes, and {most} before");
    }
}

/// A table that dies with its entries while these wait to be removed, and one that dies before the removal begins.
#[test]
fn a_table_that_dies_while_entries_wait_is_collected() {
    for profile in ["verify", "verify,promote-always", "verify,every-safepoint"] {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let watch = gc_core::ReferenceQueue::new(&heap);
        let mut told = 0;
        for round in 0..scaled(50) {
            let marker = m.alloc(round);
            watch.watch(&m, marker, ());
            let map = WeakKeyMap::<u64, Gc<u64>>::new(&m);
            // The value of a key that lives leads to the marker: both live as long as the table.
            let kept = m.root(m.alloc(1_u64));
            map.insert(&m, kept.get(&m), marker);
            for n in 0..100 {
                map.insert(&m, m.alloc(n), marker);
            }
            let map = m.root(map);
            // The keys are found dead. Their removal begins when this thread is at a safepoint.
            m.collect(Collect::Young);
            assert_eq!(map.get(&m).iter(&m).count(), 1);
            drop(map);
            m.collect(Collect::Full);
            collect_all(&mut m);
            told += std::iter::from_fn(|| watch.poll()).count() as u64;
            assert_eq!(told, round + 1);
        }
    }
}

/// An old table costs a minor collection what was put in since.
#[test]
fn an_old_table_costs_a_minor_collection_only_what_was_written() {
    const MANY: u64 = 100_000;
    let heap = calm().build().unwrap();
    let mut m = heap.attach().unwrap();
    let (names, map) = (m.root(Interner::<u64>::new(&m)), m.root(WeakKeyMap::<u64, u64>::new(&m)));
    let mut kept: Root<Vec<Gc<u64>>> = m.root(Vec::<Gc<u64>>::new());
    for n in 0..MANY {
        let object = names.get(&m).intern(&m, n);
        map.get(&m).insert(&m, object, n);
        kept.get_mut(&m).push(object);
        if n % 64 == 0 {
            m.safepoint();
        }
    }
    let kept = {
        let slice: Vec<_> = kept.borrow(&m).clone();
        m.root(m.alloc_slice_with(slice.len(), |n| slice[n]))
    };
    collect_all(&mut m);
    let before = heap.stats();
    for n in 0..10 {
        names.get(&m).intern(&m, MANY + n);
        map.get(&m).insert(&m, kept.get(&m)[n as usize], n);
    }
    let written = heap.stats();
    assert!(written.remembered - before.remembered < 100, "{} slots are remembered", written.remembered);
    m.collect(Collect::Young);
    let after = heap.stats();
    let copied = after.bytes_copied + after.bytes_promoted - before.bytes_copied - before.bytes_promoted;
    assert!(copied < 10 << 10, "{copied} bytes are copied");
    assert!(after.ephemeron_looks - before.ephemeron_looks < 100);
    assert_eq!(map.get(&m).len(), MANY as usize);
}
