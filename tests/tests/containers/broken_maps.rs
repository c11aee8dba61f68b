//! Maps in the middle of whose change user code panicked, or whose iterators were forgotten: empty to the collector, and of no use to
//! the program.

use std::{
    cell::Cell,
    cmp::Ordering,
    hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{
    Collect, Gc, GcCell, Mutator, Root, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{Tested, heaps::checked};

thread_local! { static ARMED: Cell<bool> = const { Cell::new(false) }; }

/// Panics where a key that is not that of the call is hashed or compared, once it is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(u32);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert!(!(ARMED.get() && self.0 % 4 == 3), "this key's hash panics");
        self.0.hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        assert!(!ARMED.get(), "this key's order panics");
        self.0.cmp(&other.0)
    }
}

type Map<'gc> = HashMap<Key, Gc<'gc, u32>, BuildHasherDefault<DefaultHasher>>;

/// Whether `change` panics with keys armed.
fn left_by_panic<R>(change: impl FnOnce() -> R) -> bool {
    ARMED.set(true);
    let left = catch_unwind(AssertUnwindSafe(change)).is_err();
    ARMED.set(false);
    left
}

/// A map full of values that only a rehash in place makes room for.
fn full_of_gaps(m: &Mutator) -> Root<Map<'static>> {
    let mut root = m.root(Map::with_capacity_and_hasher(100, Default::default()));
    for n in 0..40 {
        let value = m.alloc(n);
        root.get_mut(m).insert(Key(n), value);
    }
    root
}

/// Std 1.95 alone reads outside of such a map when it is iterated, and the collector iterates: it crashed in a collection.
#[test]
fn a_hash_that_panics_in_a_rehash_leaves_an_empty_map() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let mut root = full_of_gaps(&m);
    let mut left = false;
    for n in 40..1_000_000 {
        let value = m.alloc(n);
        let map = root.get_mut(&m);
        map.remove(&Key(n - 40));
        if n % 4 == 3 {
            map.insert(Key(n), value);
            continue;
        }
        // Only a rehash asks for the other keys.
        left = left_by_panic(|| map.insert(Key(n), value));
        if left {
            break;
        }
    }
    assert!(left && !root.borrow(&m).is_whole());
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        m.collect(generation);
    }
    assert_eq!(format!("{:?}", root.borrow(&m)), "{not whole}");
    assert!(catch_unwind(AssertUnwindSafe(|| root.borrow(&m).len())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| root.get_mut(&m).iter_mut().count())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| root.get_mut(&m).remove(&Key(7)).is_some())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| std::mem::take(root.get_mut(&m)).into_iter().count())).is_err());
    assert!(root.borrow(&m).is_whole(), "another map is in its place");
    Ok(())
}

/// `split_off` of std takes the root out of a map and puts it back at the end: iterating one that was left in between panics, and a
/// panic in a pause ends the process.
#[test]
fn an_order_that_panics_in_a_split_leaves_an_empty_map() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let values: Vec<_> = (0..100).map(|n| (Key(n), m.alloc(n))).collect();
    let mut root = m.root(GcCellOf { map: GcCell::new(values.into_iter().collect::<BTreeMap<_, _>>()) });
    let split =
        |root: &Root<GcCellOf<'static>>, m: &Mutator| root.borrow(m).map.borrow_mut(m).split_off(&Key(50)).len();
    assert!(left_by_panic(|| split(&root, &m)));
    m.collect(Collect::Young);
    m.collect(Collect::Full);
    assert!(!root.borrow(&m).map.borrow(&m).is_whole());
    assert!(catch_unwind(AssertUnwindSafe(|| split(&root, &m))).is_err());
    let value = m.alloc(7);
    root.set(&m, GcCellOf { map: GcCell::new(BTreeMap::from([(Key(50), value)])) });
    m.collect(Collect::Full);
    assert_eq!(split(&root, &m), 1);
    Ok(())
}

/// Std 1.95 drops entries of such a map twice, or ends the process, when it is dropped (rust-lang/rust#158165): whether it is ours or the
/// collector's to drop.
#[test]
fn a_map_that_a_split_has_left_is_dropped_without_harm() -> Tested {
    #[derive(PartialEq, Eq)]
    struct Counted(u32);
    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    thread_local! { static LEFT: Cell<u32> = const { Cell::new(u32::MAX) }; }
    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            let left = LEFT.get().checked_sub(1).expect("no more comparisons, on purpose");
            LEFT.set(left);
            self.0.cmp(&other.0)
        }
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    for size in [5, 12, 30, 200] {
        for comparisons in 0..12 {
            let mut map: BTreeMap<_, _> = (0..size).map(|n| (Counted(n), (n.to_string(), m.alloc(n)))).collect();
            LEFT.set(comparisons);
            let left = catch_unwind(AssertUnwindSafe(|| map.split_off(&Counted(size / 2)).len())).is_err();
            LEFT.set(u32::MAX);
            assert_eq!(map.is_whole(), !left);
            drop(map);
        }
        m.collect(Collect::Full);
    }
    Ok(())
}

#[derive(Trace)]
struct GcCellOf<'gc> {
    map: GcCell<BTreeMap<Key, Gc<'gc, u32>>>,
}

/// Iterators that take entries out, forgotten at each of their steps, in objects of each generation.
#[test]
fn a_forgotten_iterator_leaves_an_empty_map() -> Tested {
    #[derive(Trace)]
    struct Maps<'gc> {
        hashed: GcCell<HashMap<u32, Gc<'gc, u32>>>,
        ordered: GcCell<BTreeMap<u32, Gc<'gc, u32>>>,
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    for generation in [None, Some(Collect::Young), Some(Collect::Full)] {
        for steps in 0..5 {
            for way in 0..3 {
                let entries = || (0..4).map(|n| (n, m.alloc(n)));
                let hashed = GcCell::new(entries().collect());
                let ordered = GcCell::new(entries().collect());
                let maps = m.root(m.alloc(Maps { hashed, ordered }));
                if let Some(generation) = generation {
                    m.collect(generation);
                }
                {
                    let maps = maps.get(&m);
                    let mut hashed = maps.hashed.borrow_mut(&m);
                    let mut ordered = maps.ordered.borrow_mut(&m);
                    match way {
                        0 => take_and_forget(hashed.drain(), steps),
                        1 => take_and_forget(hashed.extract_if(|key, _| key % 2 == 0), steps),
                        _ => take_and_forget(ordered.extract_if(1.., |_, _| true), steps),
                    }
                }
                m.collect(Collect::Young);
                m.collect(Collect::Full);
                let maps = maps.get(&m);
                assert_eq!(maps.hashed.borrow(&m).is_whole(), way == 2);
                assert_eq!(maps.ordered.borrow(&m).is_whole(), way != 2);
            }
        }
    }
    Ok(())
}

fn take_and_forget<I: Iterator>(mut iterator: I, steps: usize) {
    iterator.by_ref().take(steps).for_each(drop);
    std::mem::forget(iterator);
}

/// A closure that panics, with the panic caught around a single step: the iterator may be dropped in order afterwards, and the map is
/// lost all the same.
#[test]
fn an_iterator_whose_step_panicked_leaves_an_empty_map() -> Tested {
    let heap = checked().build()?;
    let m = heap.attach()?;
    let mut hashed: HashMap<u32, Gc<u32>> = (0..4).map(|n| (n, m.alloc(n))).collect();
    let mut taken = hashed.extract_if(|_, _| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(|| taken.next().is_some())).is_err());
    drop(taken);
    assert!(!hashed.is_whole());
    let mut ordered: BTreeMap<u32, Gc<u32>> = (0..4).map(|n| (n, m.alloc(n))).collect();
    let mut taken = ordered.extract_if(.., |_, _| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(|| taken.next().is_some())).is_err());
    drop(taken);
    assert!(!ordered.is_whole());
    Ok(())
}

/// A destructor of a leaf beside the pointer panics: in `clear`, `retain`, at the end of a `drain`, and where the map itself goes.
#[test]
fn a_destructor_that_panics_leaves_an_empty_map() -> Tested {
    #[derive(Trace)]
    #[trace(leaf)]
    struct Bomb(u32);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!(ARMED.get() && self.0 == 2), "this destructor panics");
        }
    }
    type Bombs<'gc> = HashMap<u32, (Bomb, Gc<'gc, u32>)>;
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let changes: [fn(&mut Bombs<'_>); 3] = [|map| map.clear(), |map| map.retain(|_, _| false), |map| drop(map.drain())];
    for change in changes {
        let mut root = m.root((0..5).map(|n| (n, (Bomb(n), m.alloc(n)))).collect::<Bombs>());
        assert!(left_by_panic(|| change(root.get_mut(&m))));
        m.collect(Collect::Full);
        assert!(!root.borrow(&m).is_whole());
        // The one that was cut short has its entries no more; what is left goes without harm.
        drop(root);
        m.collect(Collect::Full);
    }
    Ok(())
}
