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

/// An ordered map whose values may point into the heap: the map of std, with a check for panics of
/// user code.
///
/// It has the methods of [`std::collections::BTreeMap`], to which it dereferences for reading. Keys
/// are leaves (`'static + Send + Sync`), as user code compares them and they are not traced.
///
/// A map of std may no longer list all its entries after user code has panicked in it, so the
/// collector does not trace the maps of std. This map detects such a panic, at the cost of two
/// writes of a byte for each change. From then on the map is not whole: the collector takes it for
/// empty, and each access panics. A map whose [`extract_if`](Self::extract_if) was forgotten is not
/// whole either. Put a new map in its place.
///
/// ```
/// use gc_core::{Gc, GcCell, Collect, Trace, collections::BTreeMap};
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
/// m.collect(Collect::Full);
/// let index = index.get(&m);
/// assert_eq!(&*index.pages.borrow(&m)[&1], "preface");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If the map is not whole, every access except [`is_whole`](Self::is_whole), `Debug` and dropping
/// it.
pub struct BTreeMap<K, V> {
    whole: Whole,
    map: btree_map::BTreeMap<K, V>,
}

impl<K, V> BTreeMap<K, V> {
    /// Makes an empty map.
    ///
    /// ```
    /// let map = gc_core::collections::BTreeMap::<u32, String>::new();
    /// assert!(map.is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { whole: Whole::new(), map: btree_map::BTreeMap::new() }
    }

    /// Returns whether the map may be used: user code has not panicked in it, and no iterator that
    /// takes entries out was forgotten.
    ///
    /// ```
    /// let mut map = gc_core::collections::BTreeMap::from([(1, "one")]);
    /// std::mem::forget(map.extract_if(.., |_, _| true));
    /// assert!(!map.is_whole());
    /// map = Default::default();
    /// assert!(map.is_whole());
    /// ```
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole.holds()
    }

    /// Returns the map of std, which is no longer traced.
    #[must_use]
    pub fn into_std(self) -> btree_map::BTreeMap<K, V> {
        self.whole.check();
        self.map
    }

    /// Iterates over the entries, in order, and lends the values mutably.
    pub fn iter_mut(&mut self) -> btree_map::IterMut<'_, K, V> {
        self.whole.check();
        self.map.iter_mut()
    }

    /// Iterates over the values, in order of the keys, and lends them mutably.
    pub fn values_mut(&mut self) -> btree_map::ValuesMut<'_, K, V> {
        self.whole.check();
        self.map.values_mut()
    }

    /// Iterates over the keys by value, in order.
    pub fn into_keys(self) -> btree_map::IntoKeys<K, V> {
        self.into_std().into_keys()
    }

    /// Iterates over the values by value, in order of the keys.
    pub fn into_values(self) -> btree_map::IntoValues<K, V> {
        self.into_std().into_values()
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.whole.change(|| self.map.clear());
    }
}

impl<K: Ord, V> BTreeMap<K, V> {
    /// Adds an entry. If the key has one, replaces its value and returns the old value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.whole.change(|| self.map.insert(key, value))
    }

    /// Returns the entry of `key`, to be filled or changed.
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

    /// Returns the first entry, to be changed or removed.
    pub fn first_entry(&mut self) -> Option<btree_map::OccupiedEntry<'_, K, V>> {
        self.whole.change(|| self.map.first_entry())
    }

    /// Returns the last entry, to be changed or removed.
    pub fn last_entry(&mut self) -> Option<btree_map::OccupiedEntry<'_, K, V>> {
        self.whole.change(|| self.map.last_entry())
    }

    /// Removes the first entry and returns it.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.whole.change(|| self.map.pop_first())
    }

    /// Removes the last entry and returns it.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.whole.change(|| self.map.pop_last())
    }

    /// Returns the value of `key`, lent mutably.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.get_mut(key))
    }

    /// Iterates over the entries with keys in a range, in order, and lends the values mutably.
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

    /// Removes an entry and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove(key))
    }

    /// Removes an entry and returns it.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        self.whole.change(|| self.map.remove_entry(key))
    }

    /// Keeps the entries for which `keeps` returns true, and drops the others.
    pub fn retain(&mut self, keeps: impl FnMut(&K, &mut V) -> bool) {
        self.whole.change(|| self.map.retain(keeps));
    }

    /// Removes and returns, as the iterator advances, the entries with keys in `range` for which
    /// `removes` returns true. If the iterator is forgotten, the map is not whole from then on.
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

    /// Moves all entries of `other` into this map. If both maps have a key, the value of `other` is
    /// kept.
    pub fn append(&mut self, other: &mut Self) {
        // This check comes before this map is changed, so that it is not lost together with the other one.
        other.whole.check();
        self.whole.change(|| other.whole.change(|| self.map.append(&mut other.map)));
    }

    /// Moves the entries from `key` on to a new map. If comparing keys panics, the entries of this
    /// map are leaked.
    ///
    /// ```
    /// let mut map: gc_core::collections::BTreeMap<_, _> = (0..10).map(|i| (i, ())).collect();
    /// assert_eq!(map.split_off(&7).len(), 3);
    /// assert_eq!(map.len(), 7);
    /// ```
    #[must_use]
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let map = self.whole.change(|| {
            let splitting = Splitting(&mut self.map);
            let rest = splitting.0.split_off(key);
            mem::forget(splitting);
            rest
        });
        Self { whole: Whole::new(), map }
    }
}

/// Guards a map during `split_off`. If a panic leaves the map there, it must not be dropped. It
/// counts entries that were moved to another tree, and std 1.95 drops them twice or aborts the
/// process (rust-lang/rust#158165). So it is leaked.
struct Splitting<'a, K, V>(&'a mut btree_map::BTreeMap<K, V>);

impl<K, V> Drop for Splitting<'_, K, V> {
    fn drop(&mut self) {
        mem::forget(mem::take(self.0));
    }
}

/// Dereferences for reading. The map cannot be changed through it.
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

// SAFETY: every value of a map that is whole is reported, and the entries of a map that is not whole can no longer be reached
// ([map.whole], [map.broken] of `collections`). Keys are leaves. With the values under another lifetime, so is the map, as its
// other parts keep their types.
unsafe impl<K: IsLeaf, V: Trace> Trace for BTreeMap<K, V> {
    type At<'a> = BTreeMap<K, V::At<'a>>;
    type Static = BTreeMap<K, V::Static>;
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
            // Nodes are at least half full, two thirds as a rule.
            visitor.owns(|| map.map.len() * size_of::<(K, V)>() * 3 / 2);
            let values = map.map.values().map(|value| ptr::from_ref(value).cast_mut());
            // SAFETY: as above, and the visitor does not write.
            unsafe { trace_each(values, visitor) };
        }
    }
}

// SAFETY: the value holds only its parts, of which [acyclic.no-new-handles] and [acyclic.no-pointers] hold. Through `&` it lends
// them shared.
unsafe impl<K: Acyclic, V: Acyclic> Acyclic for BTreeMap<K, V> {}

// SAFETY: the value holds only its parts, of which [acyclic.leads-nowhere] holds.
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

impl<K, V, R, F> fmt::Debug for ExtractIf<'_, K, V, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
