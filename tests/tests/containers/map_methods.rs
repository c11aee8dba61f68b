//! The maps have std's methods, with std's results.

use std::{collections, hash::RandomState};

use gc_core::collections::{BTreeMap, HashMap};

/// Does the same to our map and to std's, and compares what it returns and what it leaves.
macro_rules! same {
    ($ours:ident, $std:ident; $(|$map:ident| $change:expr),+ $(,)?) => { $(
        let left = { let $map = &mut $ours; $change };
        let right = { let $map = &mut $std; $change };
        assert_eq!(left, right, "{}", stringify!($change));
        assert_eq!(sorted(&$ours), sorted(&$std), "after {}", stringify!($change));
        assert!($ours.is_whole(), "after {}", stringify!($change));
    )+ };
}

fn sorted<'a>(entries: impl IntoIterator<Item = (&'a u32, &'a String)>) -> Vec<(&'a u32, &'a String)> {
    in_order(entries)
}

fn in_order<T: Ord>(entries: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut entries = Vec::from_iter(entries);
    entries.sort();
    entries
}

fn entries() -> impl Iterator<Item = (u32, String)> {
    (0..50).map(|n| (n * 3, n.to_string()))
}

fn text(n: u32) -> String {
    format!("text {n}")
}

/// What all four maps have.
macro_rules! common {
    ($ours:ident, $std:ident) => {
        same!(
            $ours, $std;
            |map| map.insert(3, text(3)),
            |map| map.insert(4, text(4)),
            |map| map.remove(&6),
            |map| map.remove(&7),
            |map| map.remove_entry(&9),
            |map| map.get_mut(&12).map(|value| value.push('!')),
            |map| map.get_mut(&13).map(|value| value.push('!')),
            |map| map.iter_mut().filter(|(key, _)| **key % 2 == 0).for_each(|(_, value)| value.push('?')),
            |map| map.values_mut().for_each(|value| value.push('.')),
            |map| map.into_iter().for_each(|(_, value)| value.push(',')),
            |map| map.entry(15).or_insert_with(|| text(15)).clone(),
            |map| map.entry(16).or_insert_with(|| text(16)).clone(),
            |map| map.entry(15).and_modify(|value| value.clear()).or_default().clone(),
            |map| map.entry(17).insert_entry(text(17)).remove(),
            |map| map.retain(|key, value| { value.push(';'); key % 5 != 0 }),
            |map| map.extend([(1, text(1)), (3, text(33))]),
            |map| (map.len(), map.is_empty(), map.contains_key(&3), map.get(&3).cloned(), map.get(&5).cloned()),
            |map| map[&3].clone(),
            |map| map.get_key_value(&3).map(|(key, value)| (*key, value.clone())),
            |map| in_order(map.keys().copied()),
            |map| in_order(map.values().cloned()),
            |map| in_order(map.clone().into_keys()),
            |map| in_order(map.clone().into_values()),
            |map| in_order(map.clone()),
            |map| *map == map.clone(),
        );
    };
}

#[test]
fn hash_maps_have_the_methods_of_std() {
    let mut ours: HashMap<u32, String> = entries().collect();
    let mut std: collections::HashMap<u32, String> = entries().collect();
    common!(ours, std);
    same!(
        ours, std;
        |map| map.get_disjoint_mut([&3, &4, &99]).map(|value| value.cloned()),
        |map| in_order(map.extract_if(|key, _| key % 2 == 0)),
        |map| { map.reserve(1000); map.capacity() >= 1000 },
        |map| map.try_reserve(usize::MAX).is_err(),
        |map| { map.shrink_to(500); (500..2000).contains(&map.capacity()) },
        |map| { map.shrink_to_fit(); map.capacity() < 500 },
        |map| in_order(map.drain()),
        |map| map.insert(1, text(1)),
        |map| map.clear(),
    );
    assert_eq!(ours.drain().len(), 0);
    assert_eq!(HashMap::from([(1, 2)]).into_std(), collections::HashMap::from([(1, 2)]));
    assert_eq!(HashMap::<u8, u8>::with_capacity_and_hasher(9, RandomState::new()), HashMap::new());
    let mut copied = HashMap::from([(1, 2)]);
    copied.extend(&HashMap::from([(3, 4)]));
    assert_eq!(copied, [(3, 4), (1, 2)].into());
    assert_eq!(format!("{:?}", HashMap::from([(1, 2)])), "{1: 2}");
}

#[test]
fn ordered_maps_have_the_methods_of_std() {
    let mut ours: BTreeMap<u32, String> = entries().collect();
    let mut std: collections::BTreeMap<u32, String> = entries().collect();
    common!(ours, std);
    same!(
        ours, std;
        |map| map.first_entry().map(|mut entry| entry.insert(text(0))),
        |map| map.last_entry().map(|entry| entry.remove()),
        |map| map.pop_first(),
        |map| map.pop_last(),
        |map| map.first_key_value().map(|(key, value)| (*key, value.clone())),
        |map| map.range(3..30).map(|(key, _)| *key).collect::<Vec<_>>(),
        |map| map.range_mut(3..30).for_each(|(_, value)| value.push('|')),
        |map| map.extract_if(10.., |key, _| key % 2 == 0).collect::<Vec<_>>(),
        |map| map.split_off(&60).into_iter().collect::<Vec<_>>(),
        |map| { let mut other = entries().collect(); map.append(&mut other); other.len() },
        |map| (*map).cmp(&map.clone()),
        |map| map.clear(),
    );
    assert_eq!(BTreeMap::from([(1, 2)]).into_std(), collections::BTreeMap::from([(1, 2)]));
    assert!(BTreeMap::from([(1, 2)]) < BTreeMap::from([(1, 3)]));
    let mut copied = BTreeMap::from([(1, 2)]);
    copied.extend(&BTreeMap::from([(3, 4)]));
    assert_eq!(copied, [(3, 4), (1, 2)].into());
    assert_eq!(format!("{:?}", BTreeMap::from([(1, 2)])), "{1: 2}");
}
