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

/// A hash map whose values may point into the heap: the one of std, but for what a panic leaves.
///
/// It has the methods of [`std::collections::HashMap`], to which it dereferences for reading. Keys and the hasher are
/// leaves (`'static + Send + Sync`), for they are hashed and compared by user code and not traced.
///
/// A map of std that user code has left by a panic may no longer list what it holds, so the collector does not look into
/// those. This one notices, at the cost of two writes of a byte for each change; from then on it is empty to the collector, and each
/// access panics. The same goes for a map whose [`drain`](Self::drain) or [`extract_if`](Self::extract_if) was forgotten. Put a new one in its place.
///
/// ```
/// use gc_core::{Gc, GcCell, Generation, Trace, collections::HashMap};
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
/// m.collect(Generation::Old);
/// let scope = scope.get(&m);
/// assert_eq!(&*scope.variables.borrow(&m)["name"], "Ada");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Every access but [`is_whole`](Self::is_whole), `Debug` and dropping it, if the map is not whole.
pub struct HashMap<K, V, S = RandomState> {
    whole: Whole,
    map: hash_map::HashMap<K, V, S>,
}

impl<K, V> HashMap<K, V> {
    /// An empty map.
    ///
    /// ```
    /// let map = gc_core::collections::HashMap::<u32, String>::new();
    /// assert!(map.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map with room for `capacity` entries.
    ///
    /// ```
    /// let map = gc_core::collections::HashMap::<u32, String>::with_capacity(10);
    /// assert!(map.capacity() >= 10);
    /// ```
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::new())
    }
}

impl<K, V, S> HashMap<K, V, S> {
    /// An empty map that hashes with `hasher`.
    ///
    /// ```
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    ///
    /// let hasher = BuildHasherDefault::<DefaultHasher>::default();
    /// let map = gc_core::collections::HashMap::<u32, String, _>::with_hasher(hasher);
    /// assert!(map.is_empty());
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self { whole: Whole::new(), map: hash_map::HashMap::with_hasher(hasher) }
    }

    /// An empty map with room for `capacity` entries, that hashes with `hasher`.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { whole: Whole::new(), map: hash_map::HashMap::with_capacity_and_hasher(capacity, hasher) }
    }

    /// Whether the map may be used: no user code has left it by a panic, and no iterator that takes entries out was forgotten.
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

    /// The map of std, which is no longer traced.
    pub fn into_std(self) -> hash_map::HashMap<K, V, S> {
        self.whole.check();
        self.map
    }

    /// Goes through the entries, in any order, and lends the values to be changed.
    pub fn iter_mut(&mut self) -> hash_map::IterMut<'_, K, V> {
        self.whole.check();
        self.map.iter_mut()
    }

    /// Goes through the values, in any order, and lends them to be changed.
    pub fn values_mut(&mut self) -> hash_map::ValuesMut<'_, K, V> {
        self.whole.check();
        self.map.values_mut()
    }

    /// The keys, in any order.
    pub fn into_keys(self) -> hash_map::IntoKeys<K, V> {
        self.into_std().into_keys()
    }

    /// The values, in any order.
    pub fn into_values(self) -> hash_map::IntoValues<K, V> {
        self.into_std().into_values()
    }

    /// Removes all entries, and drops what is not taken from the iterator when that is dropped. If it is forgotten the map is lost.
    ///
    /// ```
    /// let mut map = gc_core::collections::HashMap::from([(1, "one")]);
    /// assert_eq!(map.drain().next(), Some((1, "one")));
    /// assert!(map.is_empty());
    /// ```
    pub fn drain(&mut self) -> Drain<'_, K, V> {
        Drain(Taking::new(&mut self.whole, || self.map.drain()))
    }

    /// Removes the entries that `removes` says, as the iterator goes on, and returns them. If it is forgotten the map is lost.
    ///
    /// ```
    /// let mut map: gc_core::collections::HashMap<_, _> = (0..10).map(|i| (i, ())).collect();
    /// assert_eq!(map.extract_if(|key, ()| key % 2 == 0).count(), 5);
    /// assert_eq!(map.len(), 5);
    /// ```
    pub fn extract_if<F: FnMut(&K, &mut V) -> bool>(&mut self, removes: F) -> ExtractIf<'_, K, V, F> {
        ExtractIf(Taking::new(&mut self.whole, || self.map.extract_if(removes)))
    }

    /// Keeps the entries that `keeps` says, and drops the others.
    pub fn retain(&mut self, keeps: impl FnMut(&K, &mut V) -> bool) {
        self.whole.change(|| self.map.retain(keeps));
    }

    /// Drops all entries, and keeps the memory.
    pub fn clear(&mut self) {
        self.whole.change(|| self.map.clear());
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> HashMap<K, V, S> {
    /// Adds an entry, or replaces the value of one, which is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.whole.change(|| self.map.insert(key, value))
    }

    /// The place of `key` in the map, to be filled or changed.
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

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.get_mut(key))
    }

    /// The values of several keys, to be changed.
    ///
    /// # Panics
    ///
    /// If two of the keys are one.
    pub fn get_disjoint_mut<Q: Eq + Hash + ?Sized, const N: usize>(&mut self, keys: [&Q; N]) -> [Option<&mut V>; N]
    where
        K: Borrow<Q>,
    {
        self.whole.check();
        self.map.get_disjoint_mut(keys)
    }

    /// Removes an entry, and returns its value.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove(key))
    }

    /// Removes an entry, and returns it.
    pub fn remove_entry<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove_entry(key))
    }

    /// Makes room for so many entries more.
    ///
    /// # Panics
    ///
    /// If there is no memory for them, or they are more than can be addressed; the map is as it was.
    pub fn reserve(&mut self, additional: usize) {
        // The `reserve` of std panics inside, where user code may have, too.
        if let Err(error) = self.try_reserve(additional) {
            panic!("expected room for {additional} entries more: {error}");
        }
    }

    /// Makes room for so many entries more.
    ///
    /// # Errors
    ///
    /// If there is no memory for them, or they are more than can be addressed.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        self.whole.change(|| self.map.try_reserve(additional))
    }

    /// Gives back memory that no entry needs.
    pub fn shrink_to_fit(&mut self) {
        self.whole.change(|| self.map.shrink_to_fit());
    }

    /// Gives back memory that `capacity` entries do not need.
    pub fn shrink_to(&mut self, capacity: usize) {
        self.whole.change(|| self.map.shrink_to(capacity));
    }
}

/// For reading. No change is made through it.
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

// SAFETY: every value of a map that is whole is reported, and what is in another one nobody reaches any more ([whole], [broken] of
// `collections`); keys and hasher are leaves. With the values under another lifetime, so is the map: the rest of it is the same type.
unsafe impl<K: IsLeaf, V: Trace, S: IsLeaf> Trace for HashMap<K, V, S> {
    type At<'a> = HashMap<K, V::At<'a>, S>;
    type Static = HashMap<K, V::Static, S>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = V::HAS_GC;

    unsafe fn trace<Vis: Visitor>(this: *mut Self, visitor: &mut Vis) {
        let () = NoCells::<V>::ASSERTED;
        // SAFETY: a valid map, which nobody writes.
        if !unsafe { &*this }.is_whole() {
            return;
        }
        if Vis::MOVES {
            // SAFETY: a valid map; nobody else has a reference to it while the world is stopped.
            let values = unsafe { &mut *this }.map.values_mut().map(ptr::from_mut);
            // SAFETY: owned by the value, so the caller's word holds for them.
            unsafe { trace_each(values, visitor) };
        } else {
            // SAFETY: a valid map, which nobody writes.
            let values = unsafe { &*this }.map.values().map(|value| ptr::from_ref(value).cast_mut());
            // SAFETY: as above; the visitor does not write.
            unsafe { trace_each(values, visitor) };
        }
    }
}

// SAFETY: all that the value holds are its parts, of which Y1 and Y2 hold. Through `&` it lends them shared.
unsafe impl<K: Acyclic, V: Acyclic, S: Acyclic> Acyclic for HashMap<K, V, S> {}

// SAFETY: all that the value holds are its parts, of which Y3 holds.
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
