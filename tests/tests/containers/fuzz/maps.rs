//! Maps.

use gc_core::collections::{BTreeMap, HashMap};
use std::{
    collections::{btree_map, hash_map},
    ops::Bound,
};

use super::{
    elements::Element,
    keys::{Hashed, Hashing, KEYS, Key, Label, Number, some_key},
    table::{Fuzzed, Lying, Source, Table, forget, operations, run, run_both},
    user::{below, calmly, chance, count, decide, draw, must_panic, user},
};

pub type Numbered<T> = Hashed<Number, T>;
pub type Labelled<T> = Hashed<Label, T>;
pub type Ordered<T> = BTreeMap<Number, T>;
pub type Sorted<T> = BTreeMap<Label, T>;

impl<T> Source<'_, T> {
    fn entries<K: Key>(&self) -> impl Iterator<Item = (K, T)> + use<'_, K, T> {
        self.few().into_iter().map(|element| (some_key(), element))
    }

    fn lying_entries<K: Key>(&self) -> impl Iterator<Item = (K, T)> + use<'_, K, T> {
        Lying::map(self.lying(), |element| (some_key(), element))
    }
}

/// What is done with an entry.
macro_rules! entries {
    ($entry:expr, $source:ident, $module:ident) => {
        match $entry {
            $module::Entry::Occupied(mut entry) => match draw(8) {
                0 => *entry.get_mut() = $source.by_user(),
                1 => drop(entry.insert($source.by_user())),
                2 => drop(entry.remove()),
                3 => drop(entry.remove_entry()),
                4 => *entry.into_mut() = $source.by_user(),
                5 => forget(entry),
                6 => (entry.key().number(), entry.get().read()).1,
                _ => drop(entry),
            },
            $module::Entry::Vacant(entry) => match draw(6) {
                0 | 1 => *entry.insert($source.by_user()) = $source.by_user(),
                2 => drop(entry.insert_entry($source.by_user()).remove()),
                3 => drop(entry.into_key()),
                4 => forget(entry),
                _ => drop(entry),
            },
        }
    };
}

impl<K: Key, T: Element> Table for Hashed<K, T> {
    type Element = T;
    operations! {
        "clear": |v, _| v.clear();
        "clone": |v, _| *v = v.clone();
        "clone_from": |v, s| v.clone_from(&calmly(|| Self::make(s)));
        "drain": |v, _| run(v.drain());
        "entry": |v, s| { let entry = v.entry(some_key()); entries!(entry, s, hash_map) };
        "entry().and_modify": |v, s| { v.entry(some_key()).and_modify(|e| *e = s.by_user()); };
        "entry().insert_entry": |v, s| { v.entry(some_key()).insert_entry(s.by_user()); };
        "entry().or_default": |v, s| *v.entry(some_key()).or_default() = s.by_user();
        "entry().or_insert": |v, s| *v.entry(some_key()).or_insert(s.one()) = s.by_user();
        "entry().or_insert_with": |v, s| *v.entry(some_key()).or_insert_with(|| s.by_user()) = s.by_user();
        "entry().or_insert_with_key": |v, s| *v.entry(some_key()).or_insert_with_key(|_| s.by_user()) = s.by_user();
        "extend": |v, s| v.extend(s.lying_entries());
        "extend by a vector": |v, s| v.extend(s.entries());
        "extend(&)": |v, s| T::extend_hashed(v, s);
        "extract_if": |v, s| run(v.extract_if(|_, e| { if chance(4) { *e = s.by_user() } decide() }));
        "from_iter": |v, s| *v = s.lying_entries().collect();
        "get_disjoint_mut": |v, _| v.get_disjoint_mut([&some_key::<K>(), &some_key()]).map(|e| e.map(|e| e.read()));
        "get_mut": |v, s| v.get_mut(&some_key::<K>()).map(|e| *e = s.by_user());
        "looked up by another type": |v, s| K::look_up_hashed(v, s);
        "insert": |v, s| v.insert(some_key(), s.by_user());
        "insert many": |v, s| { for _ in 0..below(60) { v.insert(some_key(), s.one()); } };
        "into_iter": |v, _| run(std::mem::take(v).into_iter());
        "into_iter of &mut": |v, s| { for (_, e) in &mut *v { *e = s.by_user(); } };
        "into_keys": |v, _| run(std::mem::take(v).into_keys());
        "into_std": |v, s| run(std::mem::take(v).into_std().into_iter().map(|_| s.one()));
        "into_values": |v, _| run(std::mem::take(v).into_values());
        "iter_mut": |v, s| run(v.iter_mut().map(|(_, e)| *e = s.by_user()));
        "remove": |v, _| v.remove(&some_key::<K>());
        "remove many": |v, _| { for _ in 0..below(60) { v.remove(&some_key::<K>()); } };
        "remove_entry": |v, _| v.remove_entry(&some_key::<K>());
        "reserve": |v, _| v.reserve(below(100));
        "reserve too much": |v, _| v.reserve(usize::MAX);
        "retain": |v, s| v.retain(|_, e| { if chance(4) { *e = s.by_user() } decide() });
        "shrink_to": |v, _| v.shrink_to(below(100));
        "shrink_to_fit": |v, _| v.shrink_to_fit();
        "swap": |v, s| std::mem::swap(v, &mut calmly(|| Self::make(s)));
        "through gaps": |v, s| {
            // Full, and then mostly of places whose entries are gone: room is made by a rehash in place.
            calmly(|| {
                let mut n = 0;
                while v.len() < v.capacity() {
                    v.insert(K::new(n), s.one());
                    n += 1;
                }
                (n / 4..n).for_each(|n| drop(v.remove(&K::new(n))));
            });
            v.reserve(below(v.capacity() / 4 + 1));
            for _ in 0..20 {
                v.remove(&some_key::<K>());
                v.insert(some_key(), s.one());
            }
        };
        "try_reserve": |v, _| (v.try_reserve(below(100)).is_ok(), v.try_reserve(usize::MAX).is_err());
        "values_mut": |v, s| run(v.values_mut().map(|e| *e = s.by_user()));
        "read": |v, _| (v.get(&some_key::<K>()).is_some(), v.contains_key(&some_key::<K>()), *v == v.clone(), format!("{v:?}"));
    }
}

impl<K: Key, T: Element> Fuzzed for Hashed<K, T> {
    const NAME: &'static str = "HashMap";

    fn make(source: &Source<'_, T>) -> Self {
        let mut map = HashMap::with_capacity_and_hasher(below(100), Hashing);
        (0..below(50)).for_each(|_| drop(map.insert(some_key(), source.one())));
        map
    }

    fn read(&self) -> bool {
        if !self.is_whole() {
            count(|happened| happened.broken_maps += 1);
            must_panic(|| self.iter().for_each(|(_, element)| element.read()));
            must_panic(|| assert!(self.get(&some_key::<K>()).is_some()));
            must_panic(|| assert!(self.len() > 0));
            return false;
        }
        let entries = self.iter().inspect(|(key, element)| (key.number(), element.read()).1).count();
        assert_eq!(entries, self.len(), "entries of a HashMap");
        self.values().for_each(T::read);
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}

impl<K: Key, T: Element> Table for BTreeMap<K, T> {
    type Element = T;
    operations! {
        "append": |v, s| { let mut other = calmly(|| Self::make(s)); v.append(&mut other) };
        "append, to be kept": |v, s| { let mut other = calmly(|| Self::make(s)); other.append(v); *v = other };
        "clear": |v, _| v.clear();
        "clone": |v, _| *v = v.clone();
        "clone_from": |v, s| v.clone_from(&calmly(|| Self::make(s)));
        "entry": |v, s| { let entry = v.entry(some_key()); entries!(entry, s, btree_map) };
        "entry().and_modify": |v, s| { v.entry(some_key()).and_modify(|e| *e = s.by_user()); };
        "entry().insert_entry": |v, s| { v.entry(some_key()).insert_entry(s.by_user()); };
        "entry().or_default": |v, s| *v.entry(some_key()).or_default() = s.by_user();
        "entry().or_insert": |v, s| *v.entry(some_key()).or_insert(s.one()) = s.by_user();
        "entry().or_insert_with": |v, s| *v.entry(some_key()).or_insert_with(|| s.by_user()) = s.by_user();
        "entry().or_insert_with_key": |v, s| *v.entry(some_key()).or_insert_with_key(|_| s.by_user()) = s.by_user();
        "extend": |v, s| v.extend(s.lying_entries());
        "extend by a vector": |v, s| v.extend(s.entries());
        "extend(&)": |v, s| T::extend_ordered(v, s);
        "extract_if": |v, s| run(v.extract_if(.., |_, e| { if chance(4) { *e = s.by_user() } decide() }));
        "extract_if of a range": |v, _| run(v.extract_if(some_range::<K>(), |_, _| decide()));
        "first_entry": |v, s| if let Some(entry) = v.first_entry() { entries!(btree_map::Entry::Occupied(entry), s, btree_map) };
        "from_iter": |v, s| *v = s.lying_entries().collect();
        "get_mut": |v, s| v.get_mut(&some_key::<K>()).map(|e| *e = s.by_user());
        "looked up by another type": |v, s| K::look_up_ordered(v, s);
        "insert": |v, s| v.insert(some_key(), s.by_user());
        "insert many": |v, s| { for _ in 0..below(60) { v.insert(some_key(), s.one()); } };
        "into_iter": |v, _| run_both(std::mem::take(v).into_iter());
        "into_iter of &mut": |v, s| { for (_, e) in &mut *v { *e = s.by_user(); } };
        "into_keys": |v, _| run_both(std::mem::take(v).into_keys());
        "into_std": |v, s| *v = std::mem::take(v).into_std().into_iter().map(|(key, _)| (key, s.by_user())).collect();
        "into_values": |v, _| run_both(std::mem::take(v).into_values());
        "iter_mut": |v, s| run_both(v.iter_mut().map(|(_, e)| *e = s.by_user()));
        "last_entry": |v, s| if let Some(entry) = v.last_entry() { entries!(btree_map::Entry::Occupied(entry), s, btree_map) };
        "pop_first": |v, _| v.pop_first();
        "pop_last": |v, _| v.pop_last();
        "range_mut": |v, s| run_both(v.range_mut(some_range::<K>()).map(|(_, e)| *e = s.by_user()));
        "remove": |v, _| v.remove(&some_key::<K>());
        "remove many": |v, _| { for _ in 0..below(60) { v.remove(&some_key::<K>()); } };
        "remove_entry": |v, _| v.remove_entry(&some_key::<K>());
        "retain": |v, s| v.retain(|_, e| { if chance(4) { *e = s.by_user() } decide() });
        "split_off": |v, _| { let rest = v.split_off(&some_key::<K>()); if chance(2) { *v = rest } };
        "swap": |v, s| std::mem::swap(v, &mut calmly(|| Self::make(s)));
        "values_mut": |v, s| run_both(v.values_mut().map(|e| *e = s.by_user()));
        "read": |v, _| (v.get(&some_key::<K>()).is_some(), v.range(some_range::<K>()).count(), *v == v.clone(), format!("{v:?}"));
    }
}

/// A range of keys, seldom one that is not.
fn some_range<K: Key>() -> (Bound<K>, Bound<K>) {
    let (a, b) = (draw(KEYS), draw(KEYS));
    let (a, b) = if chance(16) { (a, b) } else { (a.min(b), a.max(b)) };
    user();
    let bound = |n| match draw(4) {
        0 => Bound::Included(K::new(n)),
        1 => Bound::Unbounded,
        _ => Bound::Excluded(K::new(n)),
    };
    (bound(a), bound(b))
}

impl<K: Key, T: Element> Fuzzed for BTreeMap<K, T> {
    const NAME: &'static str = "BTreeMap";

    fn make(source: &Source<'_, T>) -> Self {
        (0..below(50)).map(|_| (some_key(), source.one())).collect()
    }

    fn read(&self) -> bool {
        if !self.is_whole() {
            count(|happened| happened.broken_maps += 1);
            must_panic(|| self.iter().for_each(|(_, element)| element.read()));
            must_panic(|| assert!(self.get(&some_key::<K>()).is_some()));
            must_panic(|| assert!(self.len() > 0));
            return false;
        }
        let entries = self.iter().inspect(|(key, element)| (key.number(), element.read()).1).count();
        assert_eq!(entries, self.len(), "entries of a BTreeMap");
        self.values().rev().for_each(T::read);
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}
