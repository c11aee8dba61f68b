//! Writes to a map whose keys are values. Their steps are in `map::steps`.

use core::hash::{BuildHasher, Hash};

use crate::{
    Mutator, Trace,
    mutator::{AllocError, allocate::refuse},
};

use super::{
    GcMap, Matches,
    change::{ByValue, value_of},
    contents,
    iter::is_same,
    memory::{Memory, lost},
    node::Node,
    table::{NodeRef, Return},
};

/// An insertion that was refused memory: it gives key and value back, unless an entry had been made
/// of them. See [`GcMap::try_insert`].
pub type InsertError<K, V> = AllocError<Option<(K, V)>>;

impl<'gc, K, V> GcMap<'gc, K, V>
where
    K: Trace<At<'gc> = K> + Eq + Hash + 'gc,
    V: Trace<At<'gc> = V> + 'gc,
{
    /// Returns a map of the entries that an iterator yields. Of equal keys, the last one stays.
    ///
    /// For another hasher, make an empty map and [`extend`](Self::extend) it.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let squares = m.alloc(gc_core::GcMap::from_entries(&m, (0..10).map(|n| (n, n * n))));
    /// assert_eq!(squares.get(&7), Some(&49));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_entries(m: &'gc Mutator, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries.into_iter();
        let map = Self::with_capacity(m, promised(&entries));
        map.extend(m, entries);
        map
    }
}

/// Returns for how many entries there is to be room, as an iterator promises them. It may promise
/// more than it yields.
pub(super) fn promised(entries: &impl Iterator) -> usize {
    entries.size_hint().0.min(MOST_PROMISED)
}

/// The most entries for which there is room before they are there.
const MOST_PROMISED: usize = 1 << 12;

impl<'gc, K, V, S> GcMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + Eq + Hash + 'gc,
    V: Trace<At<'gc> = V> + 'gc,
    S: BuildHasher,
{
    /// Puts a value in, and returns the one that it replaces. The key is replaced, too.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// assert_eq!(map.insert(&m, 1, 'a'), None);
    /// assert_eq!(map.insert(&m, 1, 'b'), Some(&'a'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn insert(&self, m: &'gc Mutator, key: K, value: V) -> Option<&'gc V> {
        let hash = self.hash(&key);
        match self.put(Memory::of_alloc(m), hash, ByValue(key), value) {
            Ok(before) => before.map(value_of),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Puts a value in as [`insert`](Self::insert) does, or gives key and value back.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. There is nothing to give back if the entry
    /// had been made when a bigger table was refused, which takes another thread that was faster.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::GcMap::new();
    /// heap.set_hard_limit(Some(0));
    /// let error = map.try_insert(&m, 1, 'a').unwrap_err();
    /// assert_eq!((error.into_value(), map.len()), (Some((1, 'a')), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(&self, m: &'gc Mutator, key: K, value: V) -> Result<Option<&'gc V>, InsertError<K, V>> {
        let hash = self.hash(&key);
        let put = self.put(Memory::of_try_alloc(m), hash, ByValue(key), value);
        let given_back = |(ByValue(key), value)| (key, value);
        put.map(|before| before.map(value_of)).map_err(|error| error.map(|values| values.map(given_back)))
    }

    /// Returns the value of `key`, after putting in what `make` returns if there was none.
    ///
    /// `make` is called at most once, and may use the map. If another thread, or `make`, puts a
    /// value in first, that one is returned, and what `make` returned is garbage.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// assert_eq!(map.get_or_insert_with(&m, 1, || 'a'), &'a');
    /// assert_eq!(map.get_or_insert_with(&m, 1, || unreachable!()), &'a');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with(&self, m: &'gc Mutator, key: K, make: impl FnOnce() -> V) -> &'gc V {
        let hash = self.hash(&key);
        match self.find_or_put(Memory::of_alloc(m), hash, ByValue(key), make) {
            Ok(found) => value_of(found.entry),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Returns the value of `key` as [`get_or_insert_with`](Self::get_or_insert_with) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. `make` may have been called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// assert_eq!(map.try_get_or_insert_with(&m, 1, || 'a')?, &'a');
    /// heap.set_hard_limit(Some(0));
    /// assert_eq!(map.try_get_or_insert_with(&m, 1, || 'b')?, &'a');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert_with(
        &self,
        m: &'gc Mutator,
        key: K,
        make: impl FnOnce() -> V,
    ) -> Result<&'gc V, AllocError<()>> {
        let hash = self.hash(&key);
        let found = self.find_or_put(Memory::of_try_alloc(m), hash, ByValue(key), make);
        found.map(|found| value_of(found.entry)).map_err(lost)
    }

    /// Puts what `change` returns in the place of the value of `key`, and returns the new value;
    /// `None` if there is none.
    ///
    /// `change` is called again if another thread, or `change`, was faster, and may use the map.
    /// The key is cloned.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.insert(&m, 'a', 1);
    /// assert_eq!(map.update(&m, &'a', |n| n + 1), Some(&2));
    /// assert_eq!(map.update(&m, &'b', |n| n + 1), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<Q: Hash + ?Sized>(
        &self,
        m: &'gc Mutator,
        key: &Q,
        mut change: impl FnMut(&'gc V) -> V,
    ) -> Option<&'gc V>
    where
        K: Matches<Q> + Clone,
    {
        let (hash, memory) = (self.hash(key), Memory::of_alloc(m));
        let make = |found: NodeRef<'gc, K, V>| {
            let (key, value) = contents(found);
            memory.alloc(Node::Entry { hash, key: key.clone(), value: change(value) }).map_err(lost)
        };
        match self.replace_found(memory, hash, |_, other| other.matches(key), make) {
            Ok(entry) => entry.map(value_of),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Puts `new` in as the value of `key` if the value is `current`, by identity, or if both are
    /// `None`. Returns the new value.
    ///
    /// `current` is what a method of the map has lent since the last safepoint. A value that was
    /// replaced never comes back: another one that is equal is not it.
    ///
    /// # Errors
    ///
    /// Returns the value that `key` has, if it is not `current`; `new` is garbage.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// let first = map.compare_exchange(&m, 'a', None, 1).unwrap();
    /// assert_eq!(map.compare_exchange(&m, 'a', None, 2), Err(Some(&1)));
    /// assert_eq!(map.compare_exchange(&m, 'a', Some(first), 3), Ok(&3));
    /// assert_eq!(map.compare_exchange(&m, 'a', Some(first), 4), Err(Some(&3)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_exchange(
        &self,
        m: &'gc Mutator,
        key: K,
        current: Option<&'gc V>,
        new: V,
    ) -> Result<&'gc V, Option<&'gc V>> {
        let hash = self.hash(&key);
        match self.exchange(Memory::of_alloc(m), hash, (ByValue(key), new), current) {
            Ok(exchanged) => exchanged,
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Removes the value of `key`, and returns it. Never fails: if a smaller table is refused, the
    /// map keeps the one it has.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.insert(&m, 1, 'a');
    /// assert_eq!((map.remove(&m, &1), map.remove(&m, &1)), (Some(&'a'), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove<Q: Hash + ?Sized>(&self, m: &'gc Mutator, key: &Q) -> Option<&'gc V>
    where
        K: Matches<Q>,
    {
        self.take_key(m, key).map(value_of)
    }

    /// Removes the entry of `key`, and returns it.
    pub(super) fn take_key<Q: Hash + ?Sized>(&self, m: &'gc Mutator, key: &Q) -> Option<NodeRef<'gc, K, V>>
    where
        K: Matches<Q>,
    {
        self.take(m, self.hash(key), Return::Perhaps, |_, other| other.matches(key))
    }

    /// Removes the value of `key` if it is `current`, by identity, as
    /// [`compare_exchange`](Self::compare_exchange) compares it.
    ///
    /// # Errors
    ///
    /// Returns the value that `key` has, if it is not `current`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// let first = map.get_or_insert_with(&m, 'a', || 1);
    /// map.insert(&m, 'a', 2);
    /// assert_eq!(map.compare_remove(&m, &'a', first), Err(Some(&2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_remove<Q: Hash + ?Sized>(
        &self,
        m: &'gc Mutator,
        key: &Q,
        current: &'gc V,
    ) -> Result<(), Option<&'gc V>>
    where
        K: Matches<Q>,
    {
        self.take_current(m, self.hash(key), |_, other| other.matches(key), current)
    }

    /// Removes the entries for which `keep` returns false. What is put in meanwhile, also in place
    /// of an entry that was looked at, stays.
    ///
    /// `keep` may use the map. It is called for each entry that is there throughout, once.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.extend(&m, (0..10).map(|n| (n, n)));
    /// map.retain(&m, |n, _| n % 2 == 0);
    /// assert_eq!(map.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(&'gc K, &'gc V) -> bool) {
        self.retain_entries(m, Return::Perhaps, is_same, |entry| {
            let (key, value) = contents(entry);
            keep(key, value)
        });
    }

    /// Removes all entries that are there throughout.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.insert(&m, 1, 'a');
    /// map.clear(&m);
    /// assert!(map.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self, m: &'gc Mutator) {
        self.retain(m, |_, _| false);
    }

    /// Puts entries in, one after the other.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert), with those in that came before.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.extend(&m, [('a', 1), ('b', 2)]);
    /// assert_eq!(map.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend(&self, m: &'gc Mutator, entries: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in entries {
            self.insert(m, key, value);
        }
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use crate::{Gc, GcMap, Heap};

    /// The room that a program asks for stays, and what is made beyond it goes.
    #[test]
    fn a_map_keeps_the_room_that_was_asked_for() {
        let heap = Heap::builder().build().unwrap();
        let m = heap.attach().unwrap();
        let map = m.alloc(GcMap::<u64, u64>::with_capacity(&m, 10_000));
        let groups = || map.current().unwrap().groups();
        let (table, first) = (map.current().unwrap(), groups());
        for key in 0..10_000 {
            map.insert(&m, key, key);
            assert_eq!(map.remove(&m, &key), Some(key).as_ref());
            assert_eq!(groups(), first);
        }
        assert!(table.next().is_none() && map.current().is_some_and(|now| Gc::ptr_eq(now.0, table.0)), "it moves");
        // Eight times as large: a quarter of a quarter is less.
        map.extend(&m, (0..80_000).map(|key| (key, key)));
        assert!(groups() > first);
        map.clear(&m);
        (0..100_000).for_each(|key| _ = map.insert(&m, key % 8, key));
        assert_eq!(groups(), first);
    }

    /// [concurrent-map.again]
    #[test]
    fn a_key_that_is_removed_and_added_again_needs_no_more_slots() {
        let heap = Heap::builder().build().unwrap();
        let m = heap.attach().unwrap();
        let map = m.alloc(GcMap::<u64, u64>::new());
        map.extend(&m, (0..100).map(|key| (key, key)));
        while map.current().is_some_and(|table| table.next().is_some()) {
            map.insert(&m, 0, 0);
        }
        let table = map.current().unwrap();
        for value in 0..10_000 {
            assert_eq!(map.remove(&m, &7), Some(&if value == 0 { 7 } else { value - 1 }));
            assert_eq!((map.insert(&m, 7, value), map.len()), (None, 100));
        }
        assert!(table.next().is_none() && map.current().is_some_and(|now| Gc::ptr_eq(now.0, table.0)), "it moves");
    }
}
