//! What could keep a dead entry alive, or a living one from being found: cycles, chains, tables in tables, finalization, the end of the heap.

use std::sync::Arc;

use gc_core::{
    Collect, FinalizationQueue, Gc, Interner, Leaf, Mutator, Root, Slot, Trace, WeakKeyMap, WeakSet, WeakValueMap,
};
use gc_tests::heaps::{checked, under};

use super::collect_all;

#[derive(Trace)]
struct Node<'gc> {
    number: u64,
    next: Slot<'gc, Node<'gc>>,
}

fn node<'gc>(m: &'gc Mutator, number: u64) -> Gc<'gc, Node<'gc>> {
    m.alloc(Node { number, next: Slot::null() })
}

#[test]
fn a_value_that_leads_to_its_key_keeps_neither() {
    for profile in ["verify", "verify,promote-always"] {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let map = m.root(WeakKeyMap::<Node, Gc<Node>>::new(&m));
        for number in 0..100 {
            let (key, value) = (node(&m, number), node(&m, number));
            value.next.set(&m, Some(key));
            map.get(&m).insert(&m, key, value);
        }
        collect_all(&mut m);
        assert_eq!(map.get(&m).len(), 0);
    }
}

/// The value of a key in one table is a key of the next: all live while the first one does, and all leave with it.
#[test]
fn a_chain_through_several_tables_lives_and_dies_with_its_beginning() {
    const TABLES: usize = 5;
    const LENGTH: usize = 500;
    for profile in ["verify", "verify,promote-always", "verify,every-safepoint=20,full-every=3"] {
        let heap = under(profile).build().unwrap();
        let mut m = heap.attach().unwrap();
        let tables: Vec<_> = (0..TABLES).map(|_| m.root(WeakKeyMap::<Node, Gc<Node>>::new(&m))).collect();
        let first: Root<Gc<Node>> = m.root(node(&m, 0));
        let mut last: Root<Gc<Node>> = m.root(first.get(&m));
        for number in 1..=LENGTH {
            let key = last.get(&m);
            let value = node(&m, number as u64);
            tables[number % TABLES].get(&m).insert(&m, key, value);
            last.set(&m, value);
            m.safepoint();
        }
        drop(last);
        collect_all(&mut m);
        assert_eq!(tables.iter().map(|table| table.get(&m).len()).sum::<usize>(), LENGTH);
        let mut at = first.get(&m);
        for number in 1..=LENGTH {
            at = *tables[number % TABLES].get(&m).get(&m, at).unwrap();
            assert_eq!(at.number, number as u64);
        }
        drop(first);
        collect_all(&mut m);
        assert_eq!(tables.iter().map(|table| table.get(&m).len()).sum::<usize>(), 0);
    }
}

/// A table that is a value of a table, down to the fourth one.
#[test]
fn tables_in_values_of_tables_leave_with_the_outermost_key() {
    type Inner<'gc> = WeakKeyMap<'gc, u64, WeakSet<'gc, u64>>;
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let outer = m.root(WeakKeyMap::<u64, Inner>::new(&m));
    let (key, member) = (m.root(m.alloc(1_u64)), m.root(m.alloc(2_u64)));
    for kept in [true, false] {
        let key = if kept { key.get(&m) } else { m.alloc(3) };
        let (inner, set) = (Inner::new(&m), WeakSet::new(&m));
        set.insert(&m, member.get(&m));
        set.insert(&m, key);
        inner.insert(&m, key, set);
        outer.get(&m).insert(&m, key, inner);
    }
    collect_all(&mut m);
    assert_eq!(outer.get(&m).len(), 1);
    let inner = outer.get(&m).get(&m, key.get(&m)).unwrap();
    assert_eq!((inner.len(), inner.get(&m, key.get(&m)).unwrap().len()), (1, 2));
    drop(member);
    collect_all(&mut m);
    let inner = outer.get(&m).get(&m, key.get(&m)).unwrap();
    assert_eq!(inner.get(&m, key.get(&m)).unwrap().len(), 1);
    drop(key);
    collect_all(&mut m);
    assert_eq!(outer.get(&m).len(), 0);
}

/// A table that is a member of itself, and one that is the value of itself.
#[test]
fn a_table_may_be_its_own_member() {
    #[derive(Trace)]
    struct Own<'gc> {
        set: WeakSet<'gc, Own<'gc>>,
        map: WeakKeyMap<'gc, Own<'gc>, Gc<'gc, Own<'gc>>>,
    }
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let shared = m.root(WeakSet::<Own>::new(&m));
    let own = m.root(m.alloc(Own { set: WeakSet::new(&m), map: WeakKeyMap::new(&m) }));
    let it = own.get(&m);
    assert!(it.set.insert(&m, it) && shared.get(&m).insert(&m, it));
    it.map.insert(&m, it, it);
    collect_all(&mut m);
    let it = own.get(&m);
    assert!(it.set.contains(&m, it) && Gc::ptr_eq(*it.map.get(&m, it).unwrap(), it));
    drop(own);
    collect_all(&mut m);
    assert_eq!(shared.get(&m).len(), 0);
}

/// What is finalized is dead to tables before, and may be put in again.
#[test]
fn what_is_finalized_has_left_and_may_come_back() {
    for generation in [Collect::Young, Collect::Full] {
        let heap = checked().build().unwrap();
        let mut m = heap.attach().unwrap();
        let queue = FinalizationQueue::<u64>::new(&heap);
        let (set, map) = (m.root(WeakSet::<u64>::new(&m)), m.root(WeakKeyMap::<u64, char>::new(&m)));
        let object = m.root(m.alloc(7_u64));
        set.get(&m).insert(&m, object.get(&m));
        map.get(&m).insert(&m, object.get(&m), 'a');
        queue.register(&m, object.get(&m));
        if generation == Collect::Full {
            collect_all(&mut m);
        }
        drop(object);
        m.collect(generation);
        let object = queue.poll(&m).unwrap();
        assert!(!set.get(&m).contains(&m, object) && map.get(&m).get(&m, object).is_none());
        assert!(set.get(&m).insert(&m, object) && map.get(&m).insert(&m, object, 'b').is_none());
        let object = m.root(object);
        collect_all(&mut m);
        let object = object.get(&m);
        assert!(set.get(&m).contains(&m, object) && map.get(&m).get(&m, object) == Some(&'b'));
        assert_eq!((set.get(&m).len(), map.get(&m).len()), (1, 1));
    }
}

/// An entry that was removed, or replaced, before its object died does not take its successor with it.
#[test]
fn the_removal_of_a_dead_entry_spares_a_new_one() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let names = m.root(Interner::<str>::new(&m));
    let map = m.root(WeakValueMap::<u64, str>::new(&m));
    names.get(&m).intern(&m, "Ada");
    map.get(&m).insert(&m, 1, m.alloc_str("nobody"));
    // Both are dead, and their removal waits for a safepoint of this thread.
    m.collect(Collect::Young);
    let kept = m.root(names.get(&m).intern(&m, "Ada"));
    map.get(&m).insert(&m, 1, kept.get(&m));
    collect_all(&mut m);
    assert!(Gc::ptr_eq(names.get(&m).get(&m, "Ada").unwrap(), kept.get(&m)));
    assert!(Gc::ptr_eq(map.get(&m).get(&m, &1).unwrap(), kept.get(&m)));
    assert_eq!((names.get(&m).len(), map.get(&m).len()), (1, 1));
}

/// A heap that ends while entries wait to be removed drops everything.
#[test]
fn a_heap_may_end_while_entries_wait() {
    for _ in 0..20 {
        let shared = Arc::new(());
        let heap = checked().build().unwrap();
        let mut m = heap.attach().unwrap();
        let map = m.root(WeakKeyMap::<u64, Leaf<Arc<()>>>::new(&m));
        for n in 0..1000 {
            map.get(&m).insert(&m, m.alloc(n), Leaf(shared.clone()));
        }
        m.collect(Collect::Full);
        drop((map, m, heap));
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}

/// Entries leave also while the program's thread is blocked, and while it has none that runs.
#[test]
fn entries_leave_while_the_program_does_something_else() {
    let heap = checked().build().unwrap();
    let mut m = heap.attach().unwrap();
    let set = m.root(WeakSet::<u64>::new(&m));
    for n in 0..5000 {
        set.get(&m).insert(&m, m.alloc(n));
    }
    m.collect(Collect::Young);
    let parked = m.park();
    gc_tests::heaps::settle(&heap);
    let m = parked.enter().unwrap();
    assert_eq!(set.get(&m).len(), 0);
}
