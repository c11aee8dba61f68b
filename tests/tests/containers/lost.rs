//! How maps are lost, and what is lost with them: nothing that was not touched, and no value twice.

use std::{
    cell::Cell,
    cmp::Ordering,
    hash::{BuildHasher, Hash, Hasher},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{
    Collect, Gc, GcCell, Root, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{
    Tested,
    heaps::{checked, settle},
    ledger::{Ledger, Token},
};

fn panics<R>(run: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}

/// A capacity that cannot be is no fault of the entries. It lost the map, and each access told of user code that had panicked in it.
#[test]
fn a_capacity_that_cannot_be_leaves_a_map_whole() {
    let mut map = HashMap::from([(1, 2)]);
    panics(|| map.reserve(usize::MAX));
    assert!(map.is_whole());
    assert!(map.try_reserve(usize::MAX).is_err());
    map.reserve(10);
    assert_eq!((map[&1], map.capacity() >= 10), (2, true));
}

/// Only one of two maps was lost, and the other went with it: every access to it told of a panic that had been in another map.
#[test]
fn a_map_that_another_was_to_be_moved_to_is_not_lost_with_that() {
    let mut lost = BTreeMap::from([(3, 3)]);
    mem::forget(lost.extract_if(.., |_, _| true));
    let mut map = BTreeMap::from([(1, 1)]);
    panics(|| map.append(&mut lost));
    assert!(map.is_whole() && !lost.is_whole());
    panics(|| lost.append(&mut map));
    assert!(map.is_whole());
    assert_eq!(map.len(), 1);
}

/// Calls that panic by their arguments, and comparisons that do through `&`: nothing was changed.
#[test]
fn a_panic_that_changed_nothing_leaves_a_map_whole() {
    #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Key(u32);
    #[derive(Clone)]
    struct Value(u32);
    impl PartialEq for Value {
        fn eq(&self, _: &Self) -> bool {
            panic!("on purpose");
        }
    }
    let mut hashed = HashMap::from([(Key(1), Value(1)), (Key(2), Value(2))]);
    let mut ordered = BTreeMap::from([(Key(1), Value(1)), (Key(2), Value(2))]);
    panics(|| hashed.get_disjoint_mut([&Key(1), &Key(1)]).len());
    panics(|| ordered.range_mut(Key(2)..Key(1)).count());
    panics(|| hashed[&Key(3)].0);
    panics(|| ordered[&Key(3)].0);
    panics(|| hashed == hashed.clone());
    panics(|| ordered == ordered.clone());
    assert!(hashed.is_whole() && ordered.is_whole());
    assert_eq!(ordered.extract_if(Key(2)..Key(1), |_, _| true).count(), 0);
    assert_eq!((hashed.len(), ordered.len(), hashed[&Key(1)].0, ordered[&Key(2)].0), (2, 2, 1, 2));
}

thread_local! { static FUSE: Cell<u32> = const { Cell::new(u32::MAX) }; }

/// Burns the fuse, and panics at its end.
fn burn() {
    let left = FUSE.get();
    if left != u32::MAX {
        FUSE.set(left.saturating_sub(1));
        assert_ne!(left, 0, "the fuse is burnt");
    }
}

/// A key all of whose methods may panic.
struct Key(u32, #[allow(dead_code, reason = "dropped")] Token);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        burn();
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        self.0.hash(state);
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        burn();
        self.0.cmp(&other.0)
    }
}

/// A split that was left below the root: std ends the process where such a map is dropped. It did so here, in a destructor.
#[test]
fn a_split_that_was_left_half_way_ends_no_process() {
    for fuse in 0..20 {
        let ledger = Ledger::default();
        let mut map: BTreeMap<Key, u32> = (0..200).map(|n| (Key(n, ledger.token()), n)).collect();
        let at = Key(150, ledger.token());
        FUSE.set(fuse);
        let _ = catch_unwind(AssertUnwindSafe(|| map.split_off(&at).len()));
        FUSE.set(u32::MAX);
        drop(map);
        ledger.assert_none_twice();
    }
}

type Value<'gc> = (Gc<'gc, u32>, Token, Vec<Gc<'gc, u32>>);

#[derive(Trace)]
struct Maps<'gc> {
    hashed: GcCell<HashMap<Key, Value<'gc>>>,
    ordered: GcCell<BTreeMap<Key, Value<'gc>>>,
}

/// The fuse ends at each call of user code in turn, in each change; what survives is right, and no key or value is dropped twice, whether
/// the map was lost or not.
#[test]
fn whatever_a_map_loses_it_drops_nothing_twice() -> Tested {
    type Change =
        for<'gc> fn(&mut HashMap<Key, Value<'gc>>, &mut BTreeMap<Key, Value<'gc>>, &dyn Fn(u32) -> (Key, Value<'gc>));
    let changes: &[Change] = &[
        |hashed, ordered, make| {
            let ((key, value), (other, another)) = (make(99), make(99));
            hashed.insert(key, value);
            ordered.insert(other, another);
        },
        |hashed, ordered, make| {
            hashed.extend((20..28).map(make));
            ordered.extend((20..28).map(make));
        },
        |hashed, ordered, make| {
            let (key, _) = make(3);
            drop((hashed.remove(&key), ordered.remove(&key)));
        },
        |hashed, ordered, _| {
            hashed.retain(|key, _| (burn(), key.0 % 2 == 0).1);
            ordered.retain(|key, _| (burn(), key.0 % 2 == 0).1);
        },
        |hashed, ordered, make| {
            let mut other = (5..15).map(make).collect();
            ordered.append(&mut other);
            hashed.shrink_to_fit();
            hashed.reserve(100);
        },
        |hashed, ordered, make| {
            drop(ordered.split_off(&make(4).0));
            hashed.extract_if(|key, _| (burn(), key.0 > 4).1).for_each(drop);
            ordered.extract_if(make(1).0.., |_, _| (burn(), true).1).for_each(drop);
        },
        |hashed, ordered, make| {
            hashed.entry(make(77).0).or_insert_with(|| make(77).1);
            ordered.entry(make(77).0).or_insert_with(|| make(77).1);
        },
    ];
    let heap = checked().build()?;
    let ledger = Ledger::default();
    let mut m = heap.attach()?;
    for change in changes {
        for fuse in 0..40 {
            let root: Root<Gc<Maps>>;
            {
                let make = |n: u32| (Key(n, ledger.token()), (m.alloc(n), ledger.token(), vec![m.alloc(n); 2]));
                let (hashed, ordered) =
                    (GcCell::new((0..12).map(make).collect()), GcCell::new((0..12).map(make).collect()));
                root = m.root(m.alloc(Maps { hashed, ordered }));
            }
            m.collect([Collect::Young, Collect::Promote][fuse as usize % 2]);
            {
                let make = |n: u32| (Key(n, ledger.token()), (m.alloc(n), ledger.token(), vec![m.alloc(n); 2]));
                let maps = root.get(&m);
                let (mut hashed, mut ordered) = (maps.hashed.borrow_mut(&m), maps.ordered.borrow_mut(&m));
                FUSE.set(fuse);
                let _ = catch_unwind(AssertUnwindSafe(|| change(&mut hashed, &mut ordered, &make)));
                FUSE.set(u32::MAX);
            }
            m.collect(if fuse % 8 == 0 { Collect::Full } else { Collect::Young });
            let maps = root.get(&m);
            let (hashed, ordered) = (maps.hashed.borrow(&m), maps.ordered.borrow(&m));
            let right =
                |key: &Key, value: &Value<'_>| *value.0 == key.0 && value.2.iter().all(|value| **value == key.0);
            if hashed.is_whole() {
                assert!(hashed.iter().all(|(key, value)| right(key, value)));
            }
            if ordered.is_whole() {
                assert!(ordered.iter().all(|(key, value)| right(key, value)));
            }
        }
    }
    m.collect(Collect::Full);
    settle(&heap);
    ledger.assert_none_twice();
    Ok(())
}

/// A hasher of a mood of its own, and an order that is none: the maps are wrong, and the collector does not care.
#[test]
fn keys_that_lie_keep_their_values_alive() -> Tested {
    #[derive(Clone)]
    struct Moody;
    thread_local! { static MOOD: Cell<u64> = const { Cell::new(1) }; }
    fn mood() -> u64 {
        MOOD.set(MOOD.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        MOOD.get() >> 33
    }
    struct Any;
    impl Hasher for Any {
        fn finish(&self) -> u64 {
            mood()
        }
        fn write(&mut self, _: &[u8]) {}
    }
    impl BuildHasher for Moody {
        type Hasher = Any;
        fn build_hasher(&self) -> Any {
            Any
        }
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    struct Fickle(u32);
    impl PartialOrd for Fickle {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Fickle {
        fn cmp(&self, _: &Self) -> Ordering {
            [Ordering::Less, Ordering::Greater, Ordering::Equal][mood() as usize % 3]
        }
    }
    #[derive(Trace)]
    struct Wrong<'gc> {
        hashed: GcCell<HashMap<Fickle, Gc<'gc, u32>, Moody>>,
        ordered: GcCell<BTreeMap<Fickle, Gc<'gc, u32>>>,
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let root = m.root(m.alloc(Wrong { hashed: GcCell::new(HashMap::with_hasher(Moody)), ordered: GcCell::default() }));
    for n in 0..400 {
        {
            let wrong = root.get(&m);
            let (mut hashed, mut ordered) = (wrong.hashed.borrow_mut(&m), wrong.ordered.borrow_mut(&m));
            let key = Fickle(n);
            hashed.insert(key, m.alloc(n));
            if let Ok(Some(before)) = catch_unwind(AssertUnwindSafe(|| ordered.insert(key, m.alloc(n)))) {
                assert!(*before < 400);
            }
            match n % 4 {
                0 => drop(hashed.remove(&Fickle(n / 2))),
                1 => drop(catch_unwind(AssertUnwindSafe(|| ordered.remove(&Fickle(n / 2))))),
                2 => hashed.shrink_to_fit(),
                _ => drop(catch_unwind(AssertUnwindSafe(|| ordered.split_off(&Fickle(n)).len()))),
            }
            if !ordered.is_whole() {
                *ordered = BTreeMap::new();
            }
        }
        m.collect(if n % 50 == 0 { Collect::Full } else { Collect::Young });
        let wrong = root.get(&m);
        assert!(wrong.hashed.borrow(&m).iter().all(|(key, value)| **value == key.0));
        assert!(wrong.ordered.borrow(&m).values().all(|value| **value < 400));
    }
    Ok(())
}

/// A map inside of a map, of which the inner one is lost: the outer one is whole, and shows the collector what is left.
#[test]
fn a_lost_map_in_a_map_takes_nothing_along() -> Tested {
    type Nested<'gc> = HashMap<u32, BTreeMap<u32, Box<HashMap<u32, Gc<'gc, u32>>>>>;
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let mut root: Root<Nested> = m.root(Nested::new());
    for outer in 0..4 {
        let inner = (0..4).map(|n| (n, Box::new((0..4).map(|k| (k, m.alloc(k + n))).collect()))).collect();
        root.get_mut(&m).insert(outer, inner);
        m.safepoint();
    }
    {
        let map = root.get_mut(&m);
        mem::forget(map.get_mut(&1).ok_or("it is there")?.get_mut(&2).ok_or("it, too")?.drain());
        mem::forget(map.get_mut(&2).ok_or("it is there")?.extract_if(.., |_, _| true));
    }
    for generation in [Collect::Young, Collect::Promote, Collect::Full] {
        m.collect(generation);
    }
    let mut seen = 0;
    for (outer, map) in root.borrow(&m) {
        assert_eq!(map.is_whole(), *outer != 2);
        for (inner, map) in map.is_whole().then(|| map.iter()).into_iter().flatten() {
            assert_eq!(map.is_whole(), (*outer, *inner) != (1, 2));
            for (key, value) in map.is_whole().then(|| map.iter()).into_iter().flatten() {
                assert_eq!(**value, key + inner);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 3 * 16 - 4);
    Ok(())
}

/// Maps in places that nobody writes any more (an immutable field, a box, a slice, a `Vec` in a map) go through every generation, lost or not.
#[test]
fn lost_maps_lie_anywhere() -> Tested {
    type Boxed<'gc> = (BTreeMap<u32, Gc<'gc, u32>>, Option<HashMap<u32, Vec<Gc<'gc, u32>>>>);
    #[derive(Trace)]
    struct Fixed<'gc> {
        map: HashMap<u32, Gc<'gc, u32>>,
        boxed: Box<Boxed<'gc>>,
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    for lost in [false, true] {
        let root = {
            let fixed = |_| {
                let entries = || (0..9).map(|n| (n, m.alloc(n)));
                let mut fixed = Fixed {
                    map: entries().collect(),
                    boxed: Box::new((
                        entries().collect(),
                        Some(entries().map(|(n, value)| (n, vec![value; 3])).collect()),
                    )),
                };
                if lost {
                    mem::forget(fixed.map.drain().take(2));
                    mem::forget(fixed.boxed.0.extract_if(2..5, |_, _| true));
                    mem::forget(fixed.boxed.1.as_mut().map(|map| map.extract_if(|_, _| false)));
                }
                fixed
            };
            m.root(m.alloc_slice_with(20, fixed))
        };
        for generation in [Collect::Young, Collect::Young, Collect::Full] {
            m.collect(generation);
            for fixed in root.get(&m).iter() {
                assert_eq!(fixed.map.is_whole(), !lost);
                if !lost {
                    assert!(fixed.map.iter().chain(fixed.boxed.0.iter()).all(|(key, value)| **value == *key));
                    assert!(fixed.boxed.1.iter().flat_map(|map| map.values()).flatten().all(|value| **value < 9));
                }
            }
        }
    }
    Ok(())
}

/// Iterators that lie about their lengths, panic half-way, or use the map's own cell.
#[test]
fn hostile_iterators_fill_maps() -> Tested {
    /// Promises what it likes.
    struct Lies<I>(I, usize);
    impl<I: Iterator> Iterator for Lies<I> {
        type Item = I::Item;
        fn next(&mut self) -> Option<I::Item> {
            self.0.next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.1, Some(0))
        }
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let root = m.root(m.alloc(GcCell::new(HashMap::<u32, Gc<u32>>::new())));
    for promised in [0, 1000] {
        {
            let cell = root.get(&m);
            let entries = (0..20).map(|n| (n, m.alloc(n)));
            cell.borrow_mut(&m).extend(Lies(entries.clone(), promised));
            assert_eq!(Lies(entries.clone(), promised).collect::<BTreeMap<_, _>>().len(), 20);
            // The cell is locked while its own iterator runs.
            panics(|| cell.borrow_mut(&m).extend(entries.clone().inspect(|_| drop(cell.borrow(&m)))));
            assert!(!cell.borrow(&m).is_whole());
            cell.set(&m, entries.clone().collect());
            panics(|| cell.set(&m, entries.clone().inspect(|(n, _)| assert!(*n < 9)).collect()));
        }
        m.collect(Collect::Full);
        let cell = root.get(&m);
        assert!(cell.borrow(&m).iter().all(|(key, value)| key == &**value));
        assert_eq!(cell.borrow(&m).len(), 20);
    }
    Ok(())
}
