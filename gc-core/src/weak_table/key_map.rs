//! `WeakKeyMap`: values that live as long as their keys, which are objects.

use core::fmt;

use crate::{
    AllocError, Gc, Mutator, Object, Referent, Trace,
    map::{Cursor, Memory, lost},
};

use super::entries::{Held, NewPair, Table, granted};

/// A map from objects to values, which keeps no key alive: an entry lives as long as its key, and
/// its value with it.
///
/// A value may lead to its key, or to other keys: that does not keep the entry
/// ([`Ephemeron`](crate::Ephemeron)). When a collection finds a key dead, its entry is dead for all
/// threads at once, and leaves the table some time later, without a call of the program. So data
/// can be attached to objects that know nothing of them: what Python calls `WeakKeyDictionary`,
/// JavaScript `WeakMap`, and .NET `ConditionalWeakTable`.
///
/// A key is an object, not its content: an entry's life is that of one object, on which somebody
/// who has an equal one has no claim. For contents there is [`Interner`](crate::Interner), whose
/// objects may be keys here.
///
/// It is one word, `Copy`, and its copies are the same map. It may be a field, or in a
/// [`Root`](crate::Root). All threads of the heap may use it at once, as they may a
/// [`GcMap`](crate::GcMap), and the same calls are one atomic step.
///
/// # Cost
///
/// An entry takes 80 bytes of the heap and its value, 12 to 25 bytes of the table, and 70 for the
/// identity of the key, which is not moved with it ([`Gc::id`]). A look-up takes a lock of the
/// heap's table of identities for some nanoseconds, and writes nothing. An old map costs a minor
/// collection only what was put in since, and a major one what as many ephemerons cost.
///
/// ```
/// use gc_core::{Collect, Gc, Heap, WeakKeyMap};
/// use std::time::Duration;
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let notes = m.root(WeakKeyMap::<u64, Gc<u64>>::new(&m));
/// let seven = m.root(m.alloc(7_u64));
/// notes.get(&m).insert(&m, seven.get(&m), seven.get(&m)); // a value that leads to its key
/// m.collect(Collect::Full);
/// assert_eq!(notes.get(&m).get(&m, seven.get(&m)).map(|note| **note), Some(7));
///
/// drop(seven);
/// m.collect(Collect::Full);
/// m.drain_drops(Duration::from_secs(60))?;
/// assert_eq!(notes.get(&m).len(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(crate = crate)]
pub struct WeakKeyMap<'gc, K: Referent + ?Sized, V> {
    table: Gc<'gc, Table<'gc, Held<'gc, K, V>, ()>>,
}

impl<'gc, K: Object<At<'gc> = K> + ?Sized + 'gc, V: Trace<At<'gc> = V> + 'gc> WeakKeyMap<'gc, K, V> {
    /// Returns an empty map. Allocates its object.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::WeakKeyMap::<u64, u64>::new(&m).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(m: &'gc Mutator) -> Self {
        Self { table: Table::alloc(m, ()) }
    }

    /// Puts a value in, and returns the one that it replaces.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// assert_eq!(map.insert(&m, key, 'a'), None);
    /// assert_eq!(map.insert(&m, key, 'b'), Some(&'a'));
    /// assert_eq!(map.insert(&m, m.alloc(7), 'c'), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, m: &'gc Mutator, key: Gc<'gc, K>, value: V) -> Option<&'gc V> {
        let value = m.alloc(value);
        granted(m, self.put(Memory::of_alloc(m), key, value))
    }

    /// Puts a value in as [`insert`](Self::insert) does, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. There is nothing to give back if the value
    /// was in the heap already, and its entry was refused.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// heap.set_hard_limit(Some(0));
    /// let error = map.try_insert(&m, key, [0_u8; 1 << 16]).unwrap_err();
    /// assert_eq!((error.into_value(), map.len()), (Some([0; 1 << 16]), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(
        &self,
        m: &'gc Mutator,
        key: Gc<'gc, K>,
        value: V,
    ) -> Result<Option<&'gc V>, AllocError<Option<V>>> {
        let value = m.try_alloc(value).map_err(|error| error.map(Some))?;
        let put = self.put(Memory::of_try_alloc(m), key, value);
        put.map_err(|error| error.map(|()| None))
    }

    fn put(&self, memory: Memory<'gc>, key: Gc<'gc, K>, value: Gc<'gc, V>) -> Result<Option<&'gc V>, AllocError<()>> {
        let m = memory.mutator;
        let hash = number(Gc::id(key, m));
        let make = |pair: NewPair<'gc, _>| Ok(Held(pair.of(key, value)?));
        let put = Table::put(self.table, memory, hash, |_, held| held.0.is_of(key), |_| true, make)?;
        Ok(put.before.and_then(|held| held.0.value(m)).map(Gc::as_ref))
    }

    /// Puts what `change` returns in the place of the value of a key, and returns the new value;
    /// `None` if there is none.
    ///
    /// `change` is called again if another thread, or `change`, was faster, and may use the map.
    /// One that changes this entry each time it is called, or that puts in and removes so much each
    /// time that the table moves, is called for ever.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let (key, other) = (m.alloc('a'), m.alloc('b'));
    /// map.insert(&m, key, 1);
    /// assert_eq!(map.update(&m, key, |n| n + 1), Some(&2));
    /// assert_eq!(map.update(&m, other, |n| n + 1), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, m: &'gc Mutator, key: Gc<'gc, K>, mut change: impl FnMut(&'gc V) -> V) -> Option<&'gc V> {
        let hash = number(Gc::known_id(key, m)?);
        let make = |pair: NewPair<'gc, _>, held: &'gc Held<'gc, K, V>| {
            let value = held.0.value(m).map(Gc::as_ref).expect("the value of a key that is alive is alive");
            Ok(Held(pair.of(key, m.alloc(change(value)))?))
        };
        let replaced = Table::replace(self.table, Memory::of_alloc(m), hash, |held| held.0.is_of(key), make);
        granted(m, replaced)?.0.value(m).map(Gc::as_ref)
    }

    /// Returns the value of a key, lent until the next safepoint.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let (key, other) = (m.alloc(7), m.alloc(7));
    /// map.insert(&m, key, 'a');
    /// assert_eq!((map.get(&m, key), map.get(&m, other)), (Some(&'a'), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn get(&self, m: &'gc Mutator, key: Gc<'gc, K>) -> Option<&'gc V> {
        let held =
            self.table.entries().find_by(number(Gc::known_id(key, m)?), |held| held.0.is_of(key).then_some(held))?;
        held.0.value(m).map(Gc::as_ref)
    }

    /// Returns whether there is a value of a key.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::<u64, u64>::new(&m);
    /// assert!(!map.contains_key(&m, m.alloc(7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contains_key(&self, m: &'gc Mutator, key: Gc<'gc, K>) -> bool {
        self.get(m, key).is_some()
    }

    /// Returns the value of a key, after putting in what `make` returns if there was none.
    ///
    /// `make` is called at most once, and may use the map. If another thread, or `make`, puts a
    /// value in first, that one is returned.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// assert_eq!(map.get_or_insert_with(&m, key, || 'a'), &'a');
    /// assert_eq!(map.get_or_insert_with(&m, key, || unreachable!()), &'a');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with(&self, m: &'gc Mutator, key: Gc<'gc, K>, make: impl FnOnce() -> V) -> &'gc V {
        granted(m, self.find_or_put(Memory::of_alloc(m), key, make))
    }

    /// Returns the value of a key as [`get_or_insert_with`](Self::get_or_insert_with) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. `make` may have been called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// assert_eq!(map.try_get_or_insert_with(&m, key, || 'a')?, &'a');
    /// assert_eq!(map.try_get_or_insert_with(&m, key, || unreachable!())?, &'a');
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert_with(
        &self,
        m: &'gc Mutator,
        key: Gc<'gc, K>,
        make: impl FnOnce() -> V,
    ) -> Result<&'gc V, AllocError<()>> {
        self.find_or_put(Memory::of_try_alloc(m), key, make)
    }

    fn find_or_put(
        &self,
        memory: Memory<'gc>,
        key: Gc<'gc, K>,
        make: impl FnOnce() -> V,
    ) -> Result<&'gc V, AllocError<()>> {
        let m = memory.mutator;
        if let Some(value) = self.get(m, key) {
            return Ok(value);
        }
        let hash = number(Gc::id(key, m));
        let make = |pair: NewPair<'gc, _>| Ok(Held(pair.of(key, memory.alloc(make()).map_err(lost)?)?));
        let put = Table::put(self.table, memory, hash, |_, held| held.0.is_of(key), |_| false, make)?;
        match put.before.or(put.after).and_then(|held| held.0.value(m)) {
            Some(value) => Ok(Gc::as_ref(value)),
            None => unreachable!("the value of a key that is alive is alive"),
        }
    }

    /// Removes the value of a key, and returns it.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// map.insert(&m, key, 'a');
    /// assert_eq!((map.remove(&m, key), map.remove(&m, key)), (Some(&'a'), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, m: &'gc Mutator, key: Gc<'gc, K>) -> Option<&'gc V> {
        let held = self.table.remove(m, number(Gc::known_id(key, m)?), |held| held.0.is_of(key))?;
        held.0.value(m).map(Gc::as_ref)
    }

    /// Removes the entries for which `keep` returns false. What is put in meanwhile stays.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let keys: Vec<_> = (0..10).map(|n| m.alloc(n)).collect();
    /// keys.iter().for_each(|&key| _ = map.insert(&m, key, ()));
    /// map.retain(&m, |key, ()| *key % 2 == 0);
    /// assert_eq!(map.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(Gc<'gc, K>, &'gc V) -> bool) {
        self.table.retain(m, |held| held.0.get(m).is_none_or(|(key, value)| keep(key, Gc::as_ref(value))));
    }

    /// Returns the entries that are alive, in no order that means anything, as
    /// [`GcMap::iter`](crate::GcMap::iter) does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// let key = m.alloc(7);
    /// map.insert(&m, key, 'a');
    /// assert_eq!(map.iter(&m).map(|(key, value)| (*key, *value)).collect::<Vec<_>>(), [(7, 'a')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self, m: &'gc Mutator) -> impl Iterator<Item = (Gc<'gc, K>, &'gc V)> + use<'gc, K, V> {
        let entries = Gc::as_ref(self.table).entries().iter();
        entries.filter_map(|(held, ())| held.0.get(m)).map(|(key, value)| (key, Gc::as_ref(value)))
    }

    /// Visits some of the entries that are alive, and moves the cursor past them. Returns false
    /// when there are no more: see [`GcMap::advance`](crate::GcMap::advance).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{WeakKeyMap, map::Cursor};
    /// let map = m.root(WeakKeyMap::<u64, u64>::new(&m));
    /// let key = m.root(m.alloc(7_u64));
    /// map.get(&m).insert(&m, key.get(&m), 8);
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while map.get(&m).advance(&m, &mut cursor, |key, value| sum += *key * value) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 56);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, m: &'gc Mutator, cursor: &mut Cursor, mut visit: impl FnMut(Gc<'gc, K>, &'gc V)) -> bool {
        self.table.entries().advance(cursor, |held, ()| {
            if let Some((key, value)) = held.0.get(m) {
                visit(key, Gc::as_ref(value));
            }
        })
    }

    /// Returns how many entries there are: those whose key a collection has found dead are among
    /// them until they have been removed, some time after it. While other threads add some, it is a
    /// number that there may never have been.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// map.insert(&m, m.alloc(7), 8);
    /// assert_eq!(map.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.entries().len()
    }

    /// Returns whether [`len`](Self::len) is 0.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakKeyMap::new(&m);
    /// map.insert(&m, m.alloc(7), 8);
    /// assert!(!map.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the hash of an identity: they are given one after the other, so those of a table differ.
pub(super) fn number(id: u64) -> u32 {
    crate::map::folded(id)
}

impl<K: Referent + ?Sized, V> Clone for WeakKeyMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Referent + ?Sized, V> Copy for WeakKeyMap<'_, K, V> {}

/// Prints the types.
impl<K: Referent + ?Sized, V> fmt::Debug for WeakKeyMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = (core::any::type_name::<K>(), core::any::type_name::<V>());
        write!(f, "WeakKeyMap<{key}, {value}>")
    }
}
