//! An ordered map.

use core::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    iter::FusedIterator,
    mem,
    ops::{Deref, Index, RangeBounds},
    ptr,
};
use std::collections::btree_map;

use super::whole::{Taking, Whole};
use crate::trace::{
    __private::IsLeaf,
    NoCells, Trace, Visitor,
    acyclic::{Acyclic, LeadsNowhere},
    trace_each,
};

/// An ordered map whose values may point into the heap: the one of std, but for what a panic leaves.
///
/// It has the methods of [`std::collections::BTreeMap`], to which it dereferences for reading. Keys are leaves
/// (`'static + Send + Sync`), for they are compared by user code and not traced.
///
/// A map of std that user code has left by a panic may no longer list what it holds, so the collector does not look into
/// those. This one notices, at the cost of two writes of a byte for each change; from then on it is empty to the collector, and each
/// access panics. The same goes for a map whose [`extract_if`](Self::extract_if) was forgotten. Put a new one in its place.
///
/// ```
/// use gc_core::{Gc, GcCell, Generation, Trace, collections::BTreeMap};
///
/// #[derive(Trace)]
/// struct Index<'gc> {
///     pages: GcCell<BTreeMap<u32, Gc<'gc, str>>>,
/// }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let index = m.root(m.alloc(Index { pages: GcCell::default() }));
/// let text = m.alloc_str("preface");
/// index.get(&m).pages.borrow_mut(&m).insert(1, text);
/// m.collect(Generation::Old);
/// let index = index.get(&m);
/// assert_eq!(&*index.pages.borrow(&m)[&1], "preface");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Every access but [`is_whole`](Self::is_whole), `Debug` and dropping it, if the map is not whole.
pub struct BTreeMap<K, V> {
    whole: Whole,
    map: btree_map::BTreeMap<K, V>,
}

impl<K, V> BTreeMap<K, V> {
    /// An empty map.
    ///
    /// ```
    /// let map = gc_core::collections::BTreeMap::<u32, String>::new();
    /// assert!(map.is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { whole: Whole::new(), map: btree_map::BTreeMap::new() }
    }

    /// Whether the map may be used: no user code has left it by a panic, and no iterator that takes entries out was forgotten.
    ///
    /// ```
    /// let mut map = gc_core::collections::BTreeMap::from([(1, "one")]);
    /// std::mem::forget(map.extract_if(.., |_, _| true));
    /// assert!(!map.is_whole());
    /// map = Default::default();
    /// assert!(map.is_whole());
    /// ```
    pub fn is_whole(&self) -> bool {
        self.whole.holds()
    }

    /// The map of std, which is no longer traced.
    pub fn into_std(self) -> btree_map::BTreeMap<K, V> {
        self.whole.check();
        self.map
    }

    /// Goes through the entries, in order, and lends the values to be changed.
    pub fn iter_mut(&mut self) -> btree_map::IterMut<'_, K, V> {
        self.whole.check();
        self.map.iter_mut()
    }

    /// Goes through the values, in order of the keys, and lends them to be changed.
    pub fn values_mut(&mut self) -> btree_map::ValuesMut<'_, K, V> {
        self.whole.check();
        self.map.values_mut()
    }

    /// The keys, in order.
    pub fn into_keys(self) -> btree_map::IntoKeys<K, V> {
        self.into_std().into_keys()
    }

    /// The values, in order of the keys.
    pub fn into_values(self) -> btree_map::IntoValues<K, V> {
        self.into_std().into_values()
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.whole.change(|| self.map.clear());
    }
}

impl<K: Ord, V> BTreeMap<K, V> {
    /// Adds an entry, or replaces the value of one, which is returned.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.whole.change(|| self.map.insert(key, value))
    }

    /// The place of `key` in the map, to be filled or changed.
    ///
    /// ```
    /// let mut letters = gc_core::collections::BTreeMap::new();
    /// for letter in "anna".chars() {
    ///     *letters.entry(letter).or_insert(0) += 1;
    /// }
    /// assert_eq!(letters[&'n'], 2);
    /// ```
    pub fn entry(&mut self, key: K) -> btree_map::Entry<'_, K, V> {
        self.whole.change(|| self.map.entry(key))
    }

    /// The first entry, to be changed or removed.
    pub fn first_entry(&mut self) -> Option<btree_map::OccupiedEntry<'_, K, V>> {
        self.whole.change(|| self.map.first_entry())
    }

    /// The last entry, to be changed or removed.
    pub fn last_entry(&mut self) -> Option<btree_map::OccupiedEntry<'_, K, V>> {
        self.whole.change(|| self.map.last_entry())
    }

    /// Removes the first entry, and returns it.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.whole.change(|| self.map.pop_first())
    }

    /// Removes the last entry, and returns it.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.whole.change(|| self.map.pop_last())
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.get_mut(key))
    }

    /// Goes through the entries with keys in a range, in order, and lends the values to be changed.
    ///
    /// # Panics
    ///
    /// If the range ends before it begins.
    pub fn range_mut<Q: Ord + ?Sized, R: RangeBounds<Q>>(&mut self, range: R) -> btree_map::RangeMut<'_, K, V>
    where
        K: Borrow<Q>,
    {
        self.whole.check();
        self.map.range_mut(range)
    }

    /// Removes an entry, and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove(key))
    }

    /// Removes an entry, and returns it.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove_entry(key))
    }

    /// Keeps the entries that `keeps` says, and drops the others.
    pub fn retain(&mut self, keeps: impl FnMut(&K, &mut V) -> bool) {
        self.whole.change(|| self.map.retain(keeps));
    }

    /// Removes the entries with keys in a range that `removes` says, as the iterator goes on, and returns them. If it is forgotten the map is lost.
    ///
    /// ```
    /// let mut map: gc_core::collections::BTreeMap<_, _> = (0..10).map(|i| (i, ())).collect();
    /// assert_eq!(map.extract_if(..6, |key, ()| key % 2 == 0).count(), 3);
    /// assert_eq!(map.len(), 7);
    /// ```
    pub fn extract_if<R: RangeBounds<K>, F: FnMut(&K, &mut V) -> bool>(
        &mut self,
        range: R,
        removes: F,
    ) -> ExtractIf<'_, K, V, R, F> {
        ExtractIf(Taking::new(&mut self.whole, || self.map.extract_if(range, removes)))
    }

    /// Moves all entries of `other` here. Where both have a key, the value of `other` stays.
    pub fn append(&mut self, other: &mut Self) {
        // Before this one is changed, which is not to be lost with the other.
        other.whole.check();
        self.whole.change(|| other.whole.change(|| self.map.append(&mut other.map)));
    }

    /// Moves the entries from `key` on to a map of their own.
    ///
    /// ```
    /// let mut map: gc_core::collections::BTreeMap<_, _> = (0..10).map(|i| (i, ())).collect();
    /// assert_eq!(map.split_off(&7).len(), 3);
    /// assert_eq!(map.len(), 7);
    /// ```
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        /// Forgets a map that a split has lost half of: std counts that half, too, and so ends the process where the map is dropped.
        struct Splitting<'m, K, V>(&'m mut btree_map::BTreeMap<K, V>);
        impl<K, V> Drop for Splitting<'_, K, V> {
            fn drop(&mut self) {
                mem::forget(mem::take(self.0));
            }
        }
        let map = self.whole.change(|| {
            let splitting = Splitting(&mut self.map);
            let split = splitting.0.split_off(key);
            mem::forget(splitting);
            split
        });
        Self { whole: Whole::new(), map }
    }
}

/// For reading. No change is made through it.
impl<K, V> Deref for BTreeMap<K, V> {
    type Target = btree_map::BTreeMap<K, V>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        self.whole.check();
        &self.map
    }
}

impl<K, V> Default for BTreeMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone, V: Clone> Clone for BTreeMap<K, V> {
    fn clone(&self) -> Self {
        Self { whole: Whole::new(), map: (**self).clone() }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for BTreeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() { self.map.fmt(f) } else { f.write_str("{not whole}") }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for BTreeMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<K: Eq, V: Eq> Eq for BTreeMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for BTreeMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (**self).partial_cmp(&**other)
    }
}

impl<K: Ord, V: Ord> Ord for BTreeMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<K: Hash, V: Hash> Hash for BTreeMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BTreeMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        &(**self)[key]
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { whole: Whole::new(), map: entries.into_iter().collect() }
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for BTreeMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord, V> Extend<(K, V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.whole.change(|| self.map.extend(entries));
    }
}

impl<'a, K: Ord + Copy, V: Copy> Extend<(&'a K, &'a V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.whole.change(|| self.map.extend(entries));
    }
}

impl<K, V> IntoIterator for BTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = btree_map::IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_std().into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = btree_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut BTreeMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = btree_map::IterMut<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

// SAFETY: every value of a map that is whole is reported, and what is in another one nobody reaches any more ([whole], [broken] of
// `collections`); keys are leaves. With the values under another lifetime, so is the map: the rest of it is the same type.
unsafe impl<K: IsLeaf, V: Trace> Trace for BTreeMap<K, V> {
    type At<'a> = BTreeMap<K, V::At<'a>>;
    type Static = BTreeMap<K, V::Static>;
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
unsafe impl<K: Acyclic, V: Acyclic> Acyclic for BTreeMap<K, V> {}

// SAFETY: all that the value holds are its parts, of which Y3 holds.
unsafe impl<K: LeadsNowhere, V: LeadsNowhere> LeadsNowhere for BTreeMap<K, V> {}

/// The iterator of [`BTreeMap::extract_if`].
#[must_use = "entries are removed as the iterator goes on"]
pub struct ExtractIf<'a, K, V, R, F>(Taking<'a, btree_map::ExtractIf<'a, K, V, R, F>>);

impl<K, V, R, F> Iterator for ExtractIf<'_, K, V, R, F>
where
    K: PartialOrd,
    R: RangeBounds<K>,
    F: FnMut(&K, &mut V) -> bool,
{
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V, R, F> FusedIterator for ExtractIf<'_, K, V, R, F>
where
    K: PartialOrd,
    R: RangeBounds<K>,
    F: FnMut(&K, &mut V) -> bool,
{
}
