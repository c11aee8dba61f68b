//! A hash map.

use core::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    iter::FusedIterator,
    ops::{Deref, Index},
    ptr,
};
use std::{
    collections::{TryReserveError, hash_map},
    hash::RandomState,
};

use super::whole::{Taking, Whole};
use crate::trace::{
    __private::IsLeaf,
    NoCells, Trace, Visitor,
    acyclic::{Acyclic, LeadsNowhere},
    trace_each,
};

/// A hash map whose values may point into the heap: the map of std, with a check for panics of user
/// code.
///
/// It has the methods of [`std::collections::HashMap`], to which it dereferences for reading. Keys
/// and the hasher are leaves (`'static + Send + Sync`), as user code hashes and compares them and
/// they are not traced.
///
/// A map of std may no longer list all its entries after user code has panicked in it, so the
/// collector does not trace the maps of std. This map detects such a panic, at the cost of two
/// writes of a byte for each change. From then on the map is not whole: the collector takes it for
/// empty, and each access panics. A map whose [`drain`](Self::drain) or
/// [`extract_if`](Self::extract_if) was forgotten is not whole either. Put a new map in its place.
///
/// ```
/// use gc_core::{Gc, GcCell, Collect, Trace, collections::HashMap};
///
/// #[derive(Trace)]
/// struct Scope<'gc> {
///     variables: GcCell<HashMap<String, Gc<'gc, str>>>,
/// }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let scope = m.root(m.alloc(Scope { variables: GcCell::default() }));
/// let text = m.alloc_str("Ada");
/// scope.get(&m).variables.borrow_mut(&m).insert("name".to_owned(), text);
/// m.collect(Collect::Full);
/// let scope = scope.get(&m);
/// assert_eq!(&*scope.variables.borrow(&m)["name"], "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If the map is not whole, every access except [`is_whole`](Self::is_whole), `Debug` and dropping
/// it.
pub struct HashMap<K, V, S = RandomState> {
    whole: Whole,
    map: hash_map::HashMap<K, V, S>,
}

impl<K, V> HashMap<K, V> {
    /// Makes an empty map.
    ///
    /// ```
    /// let map = gc_core::collections::HashMap::<u32, String>::new();
    /// assert!(map.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty map with room for `capacity` entries.
    ///
    /// ```
    /// let map = gc_core::collections::HashMap::<u32, String>::with_capacity(10);
    /// assert!(map.capacity() >= 10);
    /// ```
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::new())
    }
}

impl<K, V, S> HashMap<K, V, S> {
    /// Makes an empty map that hashes with `hasher`.
    ///
    /// ```
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    ///
    /// let hasher = BuildHasherDefault::<DefaultHasher>::default();
    /// let map = gc_core::collections::HashMap::<u32, String, _>::with_hasher(hasher);
    /// assert!(map.is_empty());
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { whole: Whole::new(), map: hash_map::HashMap::with_hasher(hasher) }
    }

    /// Makes an empty map that has room for `capacity` entries and hashes with `hasher`.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { whole: Whole::new(), map: hash_map::HashMap::with_capacity_and_hasher(capacity, hasher) }
    }

    /// Returns whether the map may be used: user code has not panicked in it, and no iterator that
    /// takes entries out was forgotten.
    ///
    /// ```
    /// let mut map = gc_core::collections::HashMap::from([(1, "one")]);
    /// std::mem::forget(map.drain());
    /// assert!(!map.is_whole());
    /// map = Default::default();
    /// assert!(map.is_whole());
    /// ```
    pub fn is_whole(&self) -> bool {
        self.whole.holds()
    }

    /// Returns the map of std, which is no longer traced.
    pub fn into_std(self) -> hash_map::HashMap<K, V, S> {
        self.whole.check();
        self.map
    }

    /// Iterates over the entries, in any order, and lends the values mutably.
    pub fn iter_mut(&mut self) -> hash_map::IterMut<'_, K, V> {
        self.whole.check();
        self.map.iter_mut()
    }

    /// Iterates over the values, in any order, and lends them mutably.
    pub fn values_mut(&mut self) -> hash_map::ValuesMut<'_, K, V> {
        self.whole.check();
        self.map.values_mut()
    }

    /// Iterates over the keys by value, in any order.
    #[must_use]
    pub fn into_keys(self) -> hash_map::IntoKeys<K, V> {
        self.into_std().into_keys()
    }

    /// Iterates over the values by value, in any order.
    #[must_use]
    pub fn into_values(self) -> hash_map::IntoValues<K, V> {
        self.into_std().into_values()
    }

    /// Removes all entries. Dropping the iterator drops the entries that were not taken from it. If
    /// the iterator is forgotten, the map is not whole from then on.
    ///
    /// ```
    /// let mut map = gc_core::collections::HashMap::from([(1, "one")]);
    /// assert_eq!(map.drain().next(), Some((1, "one")));
    /// assert!(map.is_empty());
    /// ```
    pub fn drain(&mut self) -> Drain<'_, K, V> {
        Drain(Taking::new(&mut self.whole, || self.map.drain()))
    }

    /// Removes and returns, as the iterator advances, the entries for which `removes` returns true.
    /// If the iterator is forgotten, the map is not whole from then on.
    ///
    /// ```
    /// let mut map: gc_core::collections::HashMap<_, _> = (0..10).map(|i| (i, ())).collect();
    /// assert_eq!(map.extract_if(|key, ()| key % 2 == 0).count(), 5);
    /// assert_eq!(map.len(), 5);
    /// ```
    pub fn extract_if<F: FnMut(&K, &mut V) -> bool>(&mut self, removes: F) -> ExtractIf<'_, K, V, F> {
        ExtractIf(Taking::new(&mut self.whole, || self.map.extract_if(removes)))
    }

    /// Keeps the entries for which `keeps` returns true, and drops the others.
    pub fn retain(&mut self, keeps: impl FnMut(&K, &mut V) -> bool) {
        self.whole.change(|| self.map.retain(keeps));
    }

    /// Drops all entries, and keeps the memory.
    pub fn clear(&mut self) {
        self.whole.change(|| self.map.clear());
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> HashMap<K, V, S> {
    /// Adds an entry. If the key has one, replaces its value and returns the old value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.whole.change(|| self.map.insert(key, value))
    }

    /// Returns the entry of `key`, to be filled or changed.
    ///
    /// ```
    /// let mut letters = gc_core::collections::HashMap::new();
    /// for letter in "anna".chars() {
    ///     *letters.entry(letter).or_insert(0) += 1;
    /// }
    /// assert_eq!(letters[&'n'], 2);
    /// ```
    pub fn entry(&mut self, key: K) -> hash_map::Entry<'_, K, V> {
        self.whole.change(|| self.map.entry(key))
    }

    /// Returns the value of `key`, lent mutably.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.get_mut(key))
    }

    /// Returns the values of several keys, lent mutably.
    ///
    /// # Panics
    ///
    /// If two of the keys are equal.
    pub fn get_disjoint_mut<Q: Eq + Hash + ?Sized, const N: usize>(&mut self, keys: [&Q; N]) -> [Option<&mut V>; N]
    where
        K: Borrow<Q>,
    {
        self.whole.check();
        self.map.get_disjoint_mut(keys)
    }

    /// Removes an entry and returns its value.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove(key))
    }

    /// Removes an entry and returns it.
    pub fn remove_entry<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove_entry(key))
    }

    /// Makes room for `additional` more entries.
    ///
    /// # Panics
    ///
    /// If their size exceeds what can be addressed.
    pub fn reserve(&mut self, additional: usize) {
        // The `reserve` of std panics in the middle of the change, where user code may have panicked, too.
        if let Err(error) = self.try_reserve(additional) {
            panic!("expected room for {additional} entries more: {error}");
        }
    }

    /// Makes room for `additional` more entries.
    ///
    /// # Errors
    ///
    /// If there is no memory for them, or their size exceeds what can be addressed.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        self.whole.change(|| self.map.try_reserve(additional))
    }

    /// Frees memory that no entry needs.
    pub fn shrink_to_fit(&mut self) {
        self.whole.change(|| self.map.shrink_to_fit());
    }

    /// Frees memory that `capacity` entries do not need.
    pub fn shrink_to(&mut self, capacity: usize) {
        self.whole.change(|| self.map.shrink_to(capacity));
    }
}

/// Dereferences for reading. The map cannot be changed through it.
impl<K, V, S> Deref for HashMap<K, V, S> {
    type Target = hash_map::HashMap<K, V, S>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        self.whole.check();
        &self.map
    }
}

impl<K, V, S: Default> Default for HashMap<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K: Clone, V: Clone, S: Clone> Clone for HashMap<K, V, S> {
    fn clone(&self) -> Self {
        Self { whole: Whole::new(), map: (**self).clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for HashMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() { self.map.fmt(f) } else { f.write_str("{not whole}") }
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher> PartialEq for HashMap<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher> Eq for HashMap<K, V, S> {}

impl<K: Eq + Hash + Borrow<Q>, Q: Eq + Hash + ?Sized, V, S: BuildHasher> Index<&Q> for HashMap<K, V, S> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        &(**self)[key]
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> FromIterator<(K, V)> for HashMap<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { whole: Whole::new(), map: entries.into_iter().collect() }
    }
}

impl<K: Eq + Hash, V, const N: usize> From<[(K, V); N]> for HashMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Extend<(K, V)> for HashMap<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.whole.change(|| self.map.extend(entries));
    }
}

impl<'a, K: Eq + Hash + Copy, V: Copy, S: BuildHasher> Extend<(&'a K, &'a V)> for HashMap<K, V, S> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.whole.change(|| self.map.extend(entries));
    }
}

impl<K, V, S> IntoIterator for HashMap<K, V, S> {
    type Item = (K, V);
    type IntoIter = hash_map::IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_std().into_iter()
    }
}

impl<'a, K, V, S> IntoIterator for &'a HashMap<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = hash_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V, S> IntoIterator for &'a mut HashMap<K, V, S> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = hash_map::IterMut<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

// SAFETY: every value of a map that is whole is reported, and the entries of a map that is not whole can no longer be reached
// ([map.whole], [map.broken] of `collections`). Keys and hasher are leaves. With the values under another lifetime, so is the
// map, as its other parts keep their types.
unsafe impl<K: IsLeaf, V: Trace, S: IsLeaf> Trace for HashMap<K, V, S> {
    type At<'a> = HashMap<K, V::At<'a>, S>;
    type Static = HashMap<K, V::Static, S>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = V::HAS_CELL || V::MISPLACES_CELL;
    const HAS_GC: bool = V::HAS_GC;

    unsafe fn trace<Vis: Visitor>(this: *mut Self, visitor: &mut Vis) {
        let () = NoCells::<V>::ASSERTED;
        // SAFETY: a valid map, which no thread writes meanwhile.
        if !unsafe { &*this }.is_whole() {
            return;
        }
        if Vis::MOVES {
            // SAFETY: a valid map. No other reference to it exists while the world is stopped.
            let values = unsafe { &mut *this }.map.values_mut().map(ptr::from_mut);
            // SAFETY: the value owns the map's values, so the caller's guarantee holds for them.
            unsafe { trace_each(values, visitor) };
        } else {
            // SAFETY: a valid map, which no thread writes meanwhile.
            let map = unsafe { &*this };
            // An entry and a byte of the table for each place, of which one in eight is never used.
            visitor.owns(|| map.map.capacity() * 8 / 7 * (size_of::<(K, V)>() + 1));
            let values = map.map.values().map(|value| ptr::from_ref(value).cast_mut());
            // SAFETY: as above, and the visitor does not write.
            unsafe { trace_each(values, visitor) };
        }
    }
}

// SAFETY: the value holds only its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends
// them shared.
unsafe impl<K: Acyclic, V: Acyclic, S: Acyclic> Acyclic for HashMap<K, V, S> {}

// SAFETY: the value holds only its parts, of which [acyclic.leads-nowhere] holds.
unsafe impl<K: LeadsNowhere, V: LeadsNowhere, S: LeadsNowhere> LeadsNowhere for HashMap<K, V, S> {}

/// The iterator of [`HashMap::drain`].
pub struct Drain<'a, K, V>(Taking<'a, hash_map::Drain<'a, K, V>>);

impl<K, V> Iterator for Drain<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> ExactSizeIterator for Drain<'_, K, V> {}

impl<K, V> FusedIterator for Drain<'_, K, V> {}

impl<K, V> fmt::Debug for Drain<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// The iterator of [`HashMap::extract_if`].
#[must_use = "entries are removed as the iterator goes on"]
pub struct ExtractIf<'a, K, V, F>(Taking<'a, hash_map::ExtractIf<'a, K, V, F>>);

impl<K, V, F: FnMut(&K, &mut V) -> bool> Iterator for ExtractIf<'_, K, V, F> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V, F: FnMut(&K, &mut V) -> bool> FusedIterator for ExtractIf<'_, K, V, F> {}

impl<K, V, F> fmt::Debug for ExtractIf<'_, K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
