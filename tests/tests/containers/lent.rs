//! What a map lends: entries, iterators, references. Forgotten or left by a panic, they leave a map that is whole.

#![expect(clippy::forget_non_drop, reason = "whether these have destructors is std's to change")]

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gc_core::{
    Collect, Gc, GcCell, Mutator, Root, Trace,
    collections::{BTreeMap, HashMap},
};
use gc_tests::{Tested, heaps::checked};

#[derive(Trace)]
struct Maps<'gc> {
    hashed: GcCell<HashMap<u64, Gc<'gc, u64>>>,
    ordered: GcCell<BTreeMap<u64, Gc<'gc, u64>>>,
}

fn maps(m: &Mutator) -> Root<Gc<'static, Maps<'static>>> {
    let entries = || (0..40).map(|key| (key, m.alloc(key * 3)));
    m.root(m.alloc(Maps { hashed: GcCell::new(entries().collect()), ordered: GcCell::new(entries().collect()) }))
}

#[track_caller]
fn assert_whole(m: &Mutator, maps: &Root<Gc<'static, Maps<'static>>>) {
    let maps = maps.get(m);
    let (hashed, ordered) = (maps.hashed.borrow(m), maps.ordered.borrow(m));
    assert!(hashed.is_whole() && ordered.is_whole());
    assert!(hashed.iter().chain(ordered.iter()).all(|(key, value)| **value == key * 3 || **value == key * 3 + 1));
}

/// Whether it panics.
fn panics<R>(run: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

/// An entry is a borrow into the insides of a map: the collector must never find one half-way through.
#[test]
fn entries_that_are_forgotten_or_left_by_a_panic_leave_a_map_whole() -> Tested {
    /// Does the same to an entry of each map.
    macro_rules! both {
        ($m:ident, $maps:ident, $key:expr, |$entry:ident| $change:expr) => {
            let object = $maps.get(&$m);
            {
                let mut map = object.hashed.borrow_mut(&$m);
                let $entry = map.entry($key);
                $change;
            }
            {
                let mut map = object.ordered.borrow_mut(&$m);
                let $entry = map.entry($key);
                $change;
            }
            for generation in [Collect::Young, Collect::Promote, Collect::Full] {
                $m.collect(generation);
                assert_whole(&$m, &$maps);
            }
        };
    }
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let maps = maps(&m);
    m.collect(Collect::Full);
    for key in [0, 17, 39, 40, 1000, u64::MAX / 4] {
        both!(m, maps, key, |entry| mem::forget(entry));
        both!(m, maps, key, |entry| _ = panics(|| entry.or_insert_with(|| panic!("on purpose"))));
        both!(m, maps, key, |entry| _ = panics(|| entry.or_insert_with_key(|_| panic!("on purpose"))));
        both!(m, maps, key, |entry| mem::forget(entry.insert_entry(m.alloc(key * 3))));
        both!(m, maps, key, |entry| _ = panics(|| entry.and_modify(|_| panic!("on purpose"))));
        both!(m, maps, key, |entry| _ = panics(|| {
            entry.and_modify(|value| {
                *value = m.alloc(key * 3 + 1);
                panic!("after a change");
            })
        }));
        both!(m, maps, key, |entry| _ = entry.insert_entry(m.alloc(key * 3)).remove_entry());
        both!(m, maps, key, |entry| _ = *entry.or_insert_with(|| m.alloc(key * 3)));
    }
    Ok(())
}

/// `first_entry` and `last_entry` of an ordered map, removed and forgotten until nothing is left.
#[test]
fn entries_at_the_ends_are_removed_until_nothing_is_left() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let maps = maps(&m);
    for turn in 0..40 {
        {
            let maps = maps.get(&m);
            let mut map = maps.ordered.borrow_mut(&m);
            mem::forget(map.first_entry());
            mem::forget(map.last_entry());
            let entry = if turn % 2 == 0 { map.first_entry() } else { map.last_entry() };
            let mut entry = entry.ok_or("one is left")?;
            *entry.get_mut() = m.alloc(entry.key() * 3);
            assert_eq!(*entry.remove(), if turn % 2 == 0 { turn / 2 * 3 } else { (39 - turn / 2) * 3 });
        }
        m.collect([Collect::Young, Collect::Full][turn as usize % 2]);
        assert_whole(&m, &maps);
    }
    assert!(maps.get(&m).ordered.borrow(&m).is_empty());
    Ok(())
}

/// Iterators that lend only: forgotten, they have taken nothing.
#[test]
fn iterators_that_lend_may_be_forgotten() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let maps = maps(&m);
    for generation in [Collect::Young, Collect::Full] {
        {
            let maps = maps.get(&m);
            let (mut hashed, mut ordered) = (maps.hashed.borrow_mut(&m), maps.ordered.borrow_mut(&m));
            let mut values = hashed.values_mut();
            *values.next().ok_or("a value")? = *values.next().ok_or("another")?;
            mem::forget(values);
            mem::forget(hashed.iter_mut());
            mem::forget(ordered.iter_mut());
            mem::forget(ordered.range_mut(3..9));
            mem::forget(ordered.values_mut());
            mem::forget(hashed.get_disjoint_mut([&1, &2]));
            *hashed = (0..40).map(|key| (key, m.alloc(key * 3))).collect();
        }
        m.collect(generation);
        assert_whole(&m, &maps);
    }
    Ok(())
}

/// A whole map and one that is lost trade places in every way, and the collector follows the flag and not the place.
#[test]
fn whole_and_lost_maps_trade_places() -> Tested {
    let heap = checked().build()?;
    let mut m = heap.attach()?;
    let (one, other) = (maps(&m), maps(&m));
    for round in 0..6 {
        {
            let (one, other) = (one.get(&m), other.get(&m));
            let (mut here, mut there) = (one.hashed.borrow_mut(&m), other.hashed.borrow_mut(&m));
            *here = (0..40).map(|key| (key, m.alloc(key * 3))).collect();
            *there = (0..40).map(|key| (key, m.alloc(key * 3))).collect();
            mem::forget(here.drain().take(round));
            match round % 3 {
                0 => mem::swap(&mut *here, &mut *there),
                1 => *there = mem::take(&mut *here),
                _ => *there = mem::replace(&mut *here, HashMap::new()),
            }
            assert!(here.is_whole() && !there.is_whole());
        }
        m.collect([Collect::Young, Collect::Full][round % 2]);
        let (one, other) = (one.get(&m), other.get(&m));
        assert!(one.hashed.borrow(&m).values().all(|value| **value % 3 == 0));
        assert_eq!(format!("{:?}", other.hashed.borrow(&m)), "{not whole}");
        assert!(panics(|| other.hashed.borrow(&m).clone()));
        assert!(panics(|| other.hashed.borrow(&m).len()));
        assert!(panics(|| one.hashed.borrow_mut(&m).extend(&*other.hashed.borrow(&m))));
        one.hashed.set(&m, HashMap::new());
        assert!(one.hashed.borrow(&m).is_whole());
    }
    Ok(())
}
