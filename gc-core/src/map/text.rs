//! `GcTextMap`: a [`GcMap`] whose keys are text, or bytes, that lie in the entries: how they do is
//! in `map::text::key`.

mod key;

use core::{fmt, hash::BuildHasher, marker::PhantomData};
use std::vec;

pub use key::TextKey;

use crate::{
    Mutator, Trace,
    mutator::{AllocError, allocate::refuse},
};

use self::key::{Entry, Given, Text, entry, is_key, is_same, key_of};
use super::{
    Cursor, DefaultHashBuilder, GcMap,
    change::value_of,
    memory::{Memory, lost},
    table::Return,
    write::promised,
};

/// A concurrent hash map in the heap whose keys are text that lies in the entries: one object has
/// the text and the value.
///
/// It is a [`GcMap`] in all but its keys, and what is said there holds: reads write nothing and
/// never wait, writes are lock-free, each method on one key is one step. Keys are given as `&str`,
/// and copied where an entry is made: a look-up allocates nothing, nor does
/// [`get_or_insert_with`](Self::get_or_insert_with) where the key is there. With `[u8]` as `T`,
/// keys are bytes.
///
/// # Cost
///
/// An entry takes 24 bytes, its value, and the bytes of its key, and 12 to 25 bytes of the table. A
/// `GcMap` of `Gc<str>` takes 24 bytes and a second object of 16 bytes and the text, and its
/// look-up goes through one pointer more.
///
/// ```
/// use gc_core::{GcTextMap, Heap, Slot, Trace};
///
/// #[derive(Trace)]
/// struct Globals<'gc> {
///     names: GcTextMap<'gc, Slot<'gc, u64>>,
/// }
///
/// # let heap = Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let globals = m.alloc(Globals { names: GcTextMap::new() });
/// globals.names.insert(&m, "answer", Slot::from(m.alloc(42)));
/// let answer = globals.names.get("answer").and_then(Slot::get);
/// assert_eq!(answer.as_deref(), Some(&42));
///
/// let digests = m.alloc(GcTextMap::<u64, [u8]>::new());
/// digests.insert(&m, &[0xCA, 0xFE], 1);
/// assert_eq!(digests.get(&[0xCA, 0xFE]), Some(&1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(leaf(S))]
pub struct GcTextMap<'gc, V, T: ?Sized + 'static = str, S = DefaultHashBuilder> {
    map: GcMap<'gc, Text, V, S>,
    #[trace(skip)]
    keys: PhantomData<fn() -> &'static T>,
}

impl<V, T: TextKey + ?Sized> GcTextMap<'_, V, T> {
    /// Returns an empty map. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// assert!(map.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder::default())
    }
}

impl<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized> GcTextMap<'gc, V, T> {
    /// Returns an empty map with room for `entries`.
    ///
    /// # Panics
    ///
    /// As [`GcMap::with_capacity`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::with_capacity(&m, 1000));
    /// map.insert(&m, "one", 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity(m: &'gc Mutator, entries: usize) -> Self {
        Self::with_capacity_and_hasher(m, entries, DefaultHashBuilder::default())
    }

    /// Returns a map of the entries that an iterator yields. Of equal keys, the last one stays.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let lengths = ["one", "three"].map(|text| (text, text.len()));
    /// let lengths = m.alloc(gc_core::GcTextMap::<usize>::from_entries(&m, lengths));
    /// assert_eq!(lengths.get("three"), Some(&5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_entries<K: AsRef<T>>(m: &'gc Mutator, entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries = entries.into_iter();
        let map = Self::with_capacity(m, promised(&entries));
        map.extend(m, entries);
        map
    }
}

impl<V, T: TextKey + ?Sized, S> GcTextMap<'_, V, T, S> {
    /// Returns an empty map that hashes by `hasher`. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::RandomState;
    /// let map = m.alloc(gc_core::GcTextMap::<u64, str, _>::with_hasher(RandomState::new()));
    /// map.insert(&m, "one", 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: GcMap::with_hasher(hasher), keys: PhantomData }
    }

    /// Returns the hasher.
    ///
    /// ```
    /// # use std::hash::BuildHasher;
    /// let map = gc_core::GcTextMap::<u64>::new();
    /// assert_eq!(map.hasher().hash_one("a"), map.hasher().hash_one("a"));
    /// ```
    #[must_use]
    pub fn hasher(&self) -> &S {
        self.map.hasher()
    }
}

impl<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized, S> GcTextMap<'gc, V, T, S> {
    /// Returns an empty map with room for `entries`, that hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// As [`GcMap::with_capacity`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::RandomState;
    /// let map = gc_core::GcTextMap::<u64, str, _>::with_capacity_and_hasher(&m, 1000, RandomState::new());
    /// m.alloc(map).insert(&m, "one", 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity_and_hasher(m: &'gc Mutator, entries: usize, hasher: S) -> Self {
        Self { map: GcMap::with_capacity_and_hasher(m, entries, hasher), keys: PhantomData }
    }

    /// Returns how many entries there are, as [`GcMap::len`] does: exact when nobody writes.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "a", 1);
    /// assert_eq!(map.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Returns whether [`len`](Self::len) is 0.
    ///
    /// ```
    /// assert!(gc_core::GcTextMap::<u64>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Returns the entries, in no order that means anything. What is said of [`GcMap::iter`] holds.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.extend(&m, [("one", 1), ("two", 2)]);
    /// assert_eq!(map.iter().map(|(name, number)| name.len() as u64 * number).sum::<u64>(), 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> TextIter<'_, 'gc, V, T, S> {
        TextIter { map: self, cursor: Cursor::new(), step: Vec::new().into_iter() }
    }

    /// Visits some entries, those from `cursor` on, and moves it past them. Returns false when
    /// there are no more. There may be safepoints between two calls: see [`GcMap::advance`].
    ///
    /// ```
    /// use gc_core::{GcTextMap, map::Cursor};
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let map = m.root(m.alloc(GcTextMap::<u64>::new()));
    /// map.get(&m).extend(&m, [("one", 1), ("two", 2)]);
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while map.get(&m).advance(&mut cursor, |_, value| sum += value) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, cursor: &mut Cursor, mut visit: impl FnMut(&'gc T, &'gc V)) -> bool {
        let Some(step) = self.map.step(cursor, is_same) else { return false };
        for entry in step {
            visit(Self::key_of(entry), value_of(entry));
        }
        true
    }

    /// Returns the key of an entry of this map.
    #[inline(always)]
    fn key_of(entry: Entry<'gc, V>) -> &'gc T {
        // SAFETY: an entry of this map, whose keys are all of this type: they are put in as such.
        unsafe { key_of(entry) }
    }
}

impl<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized, S: BuildHasher> GcTextMap<'gc, V, T, S> {
    /// Returns the value of `key`, lent until the next safepoint. Writes nothing and never waits.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
    /// assert_eq!((map.get("one"), map.get("two")), (Some(&1), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get(&self, key: &T) -> Option<&'gc V> {
        self.find(key).map(value_of)
    }

    /// Returns the key as it lies in the map, and its value.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
    /// assert_eq!(map.get_key_value("one"), Some(("one", &1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get_key_value(&self, key: &T) -> Option<(&'gc T, &'gc V)> {
        self.find(key).map(|entry| (Self::key_of(entry), value_of(entry)))
    }

    /// Returns whether there is a value of `key`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
    /// assert!(map.contains_key("one") && !map.contains_key("two"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contains_key(&self, key: &T) -> bool {
        self.find(key).is_some()
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
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// assert_eq!(map.insert(&m, "one", 1), None);
    /// assert_eq!(map.insert(&m, "one", 11), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, m: &'gc Mutator, key: &T, value: V) -> Option<&'gc V> {
        match self.map.put(Memory::of_alloc(m), self.map.hash(key), Given(key), value) {
            Ok(before) => before.map(value_of),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Puts a value in as [`insert`](Self::insert) does, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`GcMap::try_insert`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::GcTextMap::<u64>::new();
    /// heap.set_hard_limit(Some(0));
    /// assert_eq!(map.try_insert(&m, "one", 1).unwrap_err().into_value(), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(&self, m: &'gc Mutator, key: &T, value: V) -> Result<Option<&'gc V>, AllocError<Option<V>>> {
        let put = self.map.put(Memory::of_try_alloc(m), self.map.hash(key), Given(key), value);
        let given_back = |(_, value)| value;
        put.map(|before| before.map(value_of)).map_err(|error| error.map(|values| values.map(given_back)))
    }

    /// Returns the value of `key`, after putting in what `make` returns if there was none: see
    /// [`GcMap::get_or_insert_with`].
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// assert_eq!(map.get_or_insert_with(&m, "one", || 1), &1);
    /// assert_eq!(map.get_or_insert_with(&m, "one", || unreachable!()), &1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with(&self, m: &'gc Mutator, key: &T, make: impl FnOnce() -> V) -> &'gc V {
        match self.map.find_or_put(Memory::of_alloc(m), self.map.hash(key), Given(key), make) {
            Ok(found) => value_of(found.entry),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Returns the value of `key` as [`get_or_insert_with`](Self::get_or_insert_with) does.
    ///
    /// # Errors
    ///
    /// As [`GcMap::try_get_or_insert_with`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// assert_eq!(map.try_get_or_insert_with(&m, "one", || 1)?, &1);
    /// heap.set_hard_limit(Some(0));
    /// assert_eq!(map.try_get_or_insert_with(&m, "one", || 2)?, &1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert_with(
        &self,
        m: &'gc Mutator,
        key: &T,
        make: impl FnOnce() -> V,
    ) -> Result<&'gc V, AllocError<()>> {
        let found = self.map.find_or_put(Memory::of_try_alloc(m), self.map.hash(key), Given(key), make);
        found.map(|found| value_of(found.entry)).map_err(lost)
    }

    /// Puts what `change` returns in the place of the value of `key`, and returns the new value;
    /// `None` if there is none: see [`GcMap::update`].
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
    /// assert_eq!(map.update(&m, "one", |n| n + 1), Some(&2));
    /// assert_eq!(map.update(&m, "two", |n| n + 1), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, m: &'gc Mutator, key: &T, mut change: impl FnMut(&'gc V) -> V) -> Option<&'gc V> {
        let (hash, memory) = (self.map.hash(key), Memory::of_alloc(m));
        let make = |found| entry(memory, hash, key, change(value_of(found))).map_err(lost);
        match self.map.replace_found(memory, hash, is_key(key), make) {
            Ok(entry) => entry.map(value_of),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Puts `new` in as the value of `key` if the value is `current`, by identity, or if both are
    /// `None`: see [`GcMap::compare_exchange`].
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
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// let first = map.compare_exchange(&m, "a", None, 1).unwrap();
    /// assert_eq!(map.compare_exchange(&m, "a", Some(first), 2), Ok(&2));
    /// assert_eq!(map.compare_exchange(&m, "a", Some(first), 3), Err(Some(&2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_exchange(
        &self,
        m: &'gc Mutator,
        key: &T,
        current: Option<&'gc V>,
        new: V,
    ) -> Result<&'gc V, Option<&'gc V>> {
        match self.map.exchange(Memory::of_alloc(m), self.map.hash(key), (Given(key), new), current) {
            Ok(exchanged) => exchanged,
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Removes the value of `key`, and returns it. Never fails.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
    /// assert_eq!((map.remove(&m, "one"), map.remove(&m, "one")), (Some(&1), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, m: &'gc Mutator, key: &T) -> Option<&'gc V> {
        self.map.take(m, self.map.hash(key), Return::Perhaps, is_key(key)).map(value_of)
    }

    /// Removes the value of `key` if it is `current`, by identity.
    ///
    /// # Errors
    ///
    /// Returns the value that `key` has, if it is not `current`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// let first = map.get_or_insert_with(&m, "a", || 1);
    /// map.insert(&m, "a", 2);
    /// assert_eq!(map.compare_remove(&m, "a", first), Err(Some(&2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compare_remove(&self, m: &'gc Mutator, key: &T, current: &'gc V) -> Result<(), Option<&'gc V>> {
        self.map.take_current(m, self.map.hash(key), is_key(key), current)
    }

    /// Removes the entries for which `keep` returns false, as [`GcMap::retain`] does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.extend(&m, [("one", 1), ("two", 2)]);
    /// map.retain(&m, |name, _| name.starts_with('t'));
    /// assert_eq!(map.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(&'gc T, &'gc V) -> bool) {
        self.map.retain_entries(m, Return::Perhaps, is_same, |entry| keep(Self::key_of(entry), value_of(entry)));
    }

    /// Removes all entries that are there throughout.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.insert(&m, "one", 1);
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
    /// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
    /// map.extend(&m, [("one", 1), ("two", 2)]);
    /// map.extend(&m, [(String::from("three"), 3)]);
    /// assert_eq!(map.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend<K: AsRef<T>>(&self, m: &'gc Mutator, entries: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in entries {
            self.insert(m, key.as_ref(), value);
        }
    }

    #[inline]
    fn find(&self, key: &T) -> Option<Entry<'gc, V>> {
        self.map.current()?.find(self.map.hash(key), |entry, text| is_key(key)(entry, text).then_some(entry))
    }
}

impl<V, T: TextKey + ?Sized, S: Default> Default for GcTextMap<'_, V, T, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<'gc, V: Trace<At<'gc> = V> + fmt::Debug + 'gc, T: TextKey + fmt::Debug + ?Sized, S> fmt::Debug
    for GcTextMap<'gc, V, T, S>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The entries of a [`GcTextMap`]: see [`GcTextMap::iter`].
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let map = m.alloc(gc_core::GcTextMap::<u64>::new());
/// map.insert(&m, "one", 1);
/// assert_eq!(map.iter().next(), Some(("one", &1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an iterator does nothing until it is asked"]
pub struct TextIter<'a, 'gc, V, T: ?Sized + 'static, S> {
    map: &'a GcTextMap<'gc, V, T, S>,
    cursor: Cursor,
    step: vec::IntoIter<Entry<'gc, V>>,
}

impl<'gc, V: Trace<At<'gc> = V> + 'gc, T: TextKey + ?Sized, S> Iterator for TextIter<'_, 'gc, V, T, S> {
    type Item = (&'gc T, &'gc V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.step.next() {
                return Some((GcTextMap::<V, T, S>::key_of(entry), value_of(entry)));
            }
            self.step = self.map.map.step(&mut self.cursor, is_same)?.into_iter();
        }
    }
}

impl<V, T: ?Sized, S> fmt::Debug for TextIter<'_, '_, V, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextIter").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
