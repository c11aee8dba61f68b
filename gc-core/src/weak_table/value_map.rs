//! `WeakValueMap`: keys whose values it does not keep alive.

use core::{
    borrow::Borrow,
    cell::RefCell,
    fmt,
    hash::{BuildHasher, Hash},
    ptr::NonNull,
};

use crate::{
    AllocError, Ephemeron, Gc, Mutator, Object, Referent, Trace,
    map::{Cursor, DefaultHashBuilder, Memory, lost},
};

use super::entries::{Entry, Table, granted};

/// A map from keys to objects, which keeps no object alive: a cache of what somebody else has, or a
/// registry of what there is.
///
/// When a collection finds a value dead, its entry is dead for all threads at once, and leaves the
/// table some time later, with its key, without a call of the program: what Python calls
/// `WeakValueDictionary`.
///
/// Keys are of any traced type, as those of a [`GcMap`](crate::GcMap), and are kept as long as
/// their entries are. So a key that leads to its value keeps it for ever: a name or a number does
/// not.
///
/// It is one word, `Copy`, and its copies are the same map. It may be a field, or in a
/// [`Root`](crate::Root). All threads of the heap may use it at once, as they may a
/// [`GcMap`](crate::GcMap), and the same calls are one atomic step. User code in `Hash`, `Eq` and
/// closures may panic, and may use the map.
///
/// # Cost
///
/// An entry takes 72 bytes of the heap and its key, and 12 to 25 bytes of the table. An old map
/// costs a minor collection only what was put in since, and a major one what as many ephemerons
/// cost.
///
/// ```
/// use gc_core::{Collect, Heap, WeakValueMap};
/// use std::time::Duration;
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let pages = m.root(WeakValueMap::<u64, str>::new(&m));
/// let first = m.root(m.alloc_str("once upon a time"));
/// pages.get(&m).insert(&m, 1, first.get(&m));
/// pages.get(&m).insert(&m, 2, m.alloc_str("nobody reads this"));
///
/// m.collect(Collect::Full);
/// assert!(pages.get(&m).get(&m, &1).is_some() && pages.get(&m).get(&m, &2).is_none());
/// m.drain_drops(Duration::from_secs(60))?;
/// assert_eq!(pages.get(&m).len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(crate = crate)]
#[trace(leaf(S))]
pub struct WeakValueMap<'gc, K, V: Referent + ?Sized, S = DefaultHashBuilder> {
    table: Gc<'gc, Table<'gc, Named<'gc, K, V>, S>>,
}

/// An entry: a key, and the object that the map does not keep alive, which is the key of an
/// ephemeron.
#[derive(Trace)]
#[trace(crate = crate)]
pub(super) struct Named<'gc, K, V: Referent + ?Sized> {
    key: K,
    object: Ephemeron<'gc, V, V>,
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Object<At<'gc> = V> + ?Sized + 'gc> Entry<'gc> for Named<'gc, K, V> {
    fn pair(&self) -> NonNull<u8> {
        self.object.address()
    }
}

impl<K: PartialEq, V: Referent + ?Sized> PartialEq for Named<'_, K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Eq, V: Referent + ?Sized> Eq for Named<'_, K, V> {}

/// The objects, if they are alive, that a write has found and stored.
type Objects<'gc, V> = (Option<Gc<'gc, V>>, Option<Gc<'gc, V>>);

impl<'gc, K, V> WeakValueMap<'gc, K, V>
where
    K: Trace<At<'gc> = K> + 'gc,
    V: Object<At<'gc> = V> + ?Sized + 'gc,
{
    /// Returns an empty map. Allocates its object.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::WeakValueMap::<u64, u64>::new(&m).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(m: &'gc Mutator) -> Self {
        Self::with_hasher(m, DefaultHashBuilder::default())
    }
}

impl<'gc, K, V, S> WeakValueMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + 'gc,
    V: Object<At<'gc> = V> + ?Sized + 'gc,
    S: Send + Sync + 'static,
{
    /// Returns an empty map that hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    /// let hasher = BuildHasherDefault::<DefaultHasher>::default();
    /// let map = gc_core::WeakValueMap::with_hasher(&m, hasher);
    /// map.insert(&m, 1, m.alloc_str("one"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_hasher(m: &'gc Mutator, hasher: S) -> Self {
        Self { table: Table::alloc(m, hasher) }
    }

    /// Returns how many entries there are: those whose object a collection has found dead are among
    /// them until they have been removed, some time after it. While other threads add some, it is a
    /// number that there may never have been.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// map.insert(&m, 8, m.alloc(7));
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
    /// let map = gc_core::WeakValueMap::new(&m);
    /// map.insert(&m, 8, m.alloc(7));
    /// assert!(!map.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'gc, K, V, S> WeakValueMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + Eq + Hash + 'gc,
    V: Object<At<'gc> = V> + ?Sized + 'gc,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Puts an object in, and returns the one that it replaces, if that is alive. The key is
    /// replaced, too.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// assert!(map.insert(&m, 'a', m.alloc(1)).is_none());
    /// assert_eq!(map.insert(&m, 'a', m.alloc(2)).as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, m: &'gc Mutator, key: K, object: Gc<'gc, V>) -> Option<Gc<'gc, V>> {
        granted(m, self.put(Memory::of_alloc(m), key, |_| true, || Ok(object)).map_err(lost)).0
    }

    /// Puts an object in as [`insert`](Self::insert) does, or gives the key back.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. There is nothing to give back if the key
    /// was in an entry already, and that was refused.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// assert!(map.try_insert(&m, 'a', m.try_alloc(1)?).is_ok_and(|before| before.is_none()));
    /// assert_eq!(map.get(&m, &'a').as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(
        &self,
        m: &'gc Mutator,
        key: K,
        object: Gc<'gc, V>,
    ) -> Result<Option<Gc<'gc, V>>, AllocError<Option<K>>> {
        self.put(Memory::of_try_alloc(m), key, |_| true, || Ok(object)).map(|(before, _)| before)
    }

    /// Puts in what `make` returns, if there is no entry of the key, or one that may be replaced.
    /// Returns the objects that were there and that were put in.
    fn put(
        &self,
        memory: Memory<'gc>,
        key: K,
        replaces: impl Fn(&'gc Named<'gc, K, V>) -> bool,
        make: impl FnOnce() -> Result<Gc<'gc, V>, AllocError<()>>,
    ) -> Result<Objects<'gc, V>, AllocError<Option<K>>> {
        let m = memory.mutator;
        let hash = self.table.hash(&key);
        let key = RefCell::new(Some(key));
        let is_wanted = |made: Option<&'gc Named<'gc, K, V>>, named: &Named<'gc, K, V>| match &*key.borrow() {
            Some(key) => *key == named.key,
            // It was moved into the entry.
            None => made.is_some_and(|made| made.key == named.key),
        };
        let put = Table::put(self.table, memory, hash, is_wanted, replaces, |pair| {
            let object = make()?;
            let object = pair.of(object, object)?;
            let key = key.take().expect("an entry is made once");
            Ok(Named { key, object })
        });
        let put = put.map_err(|error| error.map(|()| key.into_inner()))?;
        let object = |named: &'gc Named<'gc, K, V>| named.object.key(m);
        Ok((put.before.and_then(object), put.after.and_then(object)))
    }

    /// Returns the object of a key, if it is alive.
    ///
    /// `key` may be of any type that the keys borrow as, with the same `Hash` and `Eq`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::<String, u64>::new(&m);
    /// let _one = map.insert(&m, "one".to_owned(), m.alloc(1));
    /// assert_eq!(map.get(&m, "one").as_deref(), Some(&1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, m: &'gc Mutator, key: &Q) -> Option<Gc<'gc, V>>
    where
        K: Borrow<Q>,
    {
        self.table
            .entries()
            .find_by(self.table.hash(key), |named| (named.key.borrow() == key).then_some(named))?
            .object
            .key(m)
    }

    /// Returns the object of a key, after putting in what `make` returns if there was none that is
    /// alive.
    ///
    /// `make` is called at most once, and may use the map. If another thread, or `make`, puts an
    /// object in first, that one is returned.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the map is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// assert_eq!(*map.get_or_insert_with(&m, 'a', || m.alloc(1)), 1);
    /// assert_eq!(*map.get_or_insert_with(&m, 'a', || unreachable!()), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with(&self, m: &'gc Mutator, key: K, make: impl FnOnce() -> Gc<'gc, V>) -> Gc<'gc, V> {
        granted(m, self.find_or_put(Memory::of_alloc(m), key, || Ok(make())))
    }

    /// Returns the object of a key as [`get_or_insert_with`](Self::get_or_insert_with) does. What
    /// `make` is refused is refused to the caller.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the map is as it was. `make` may have been called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// assert_eq!(*map.try_get_or_insert_with(&m, 'a', || m.try_alloc(1))?, 1);
    /// assert_eq!(*map.try_get_or_insert_with(&m, 'a', || m.try_alloc(2))?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert_with<E>(
        &self,
        m: &'gc Mutator,
        key: K,
        make: impl FnOnce() -> Result<Gc<'gc, V>, AllocError<E>>,
    ) -> Result<Gc<'gc, V>, AllocError<()>> {
        self.find_or_put(Memory::of_try_alloc(m), key, || make().map_err(lost))
    }

    fn find_or_put(
        &self,
        memory: Memory<'gc>,
        key: K,
        make: impl FnOnce() -> Result<Gc<'gc, V>, AllocError<()>>,
    ) -> Result<Gc<'gc, V>, AllocError<()>> {
        let m = memory.mutator;
        if let Some(object) = self.get(m, &key) {
            return Ok(object);
        }
        let (before, after) = self.put(memory, key, |named| named.object.is_dead(m), make).map_err(lost)?;
        match after.or(before) {
            Some(object) => Ok(object),
            None => unreachable!(
                "an object that was found alive or put in at this moment is alive until the next safepoint"
            ),
        }
    }

    /// Removes the entry of a key, and returns its object, if that is alive.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// map.insert(&m, 'a', m.alloc(1));
    /// assert_eq!((map.remove(&m, &'a').as_deref(), map.remove(&m, &'a').as_deref()), (Some(&1), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, m: &'gc Mutator, key: &Q) -> Option<Gc<'gc, V>>
    where
        K: Borrow<Q>,
    {
        self.table.remove(m, self.table.hash(key), |named| named.key.borrow() == key)?.object.key(m)
    }

    /// Removes the entries for which `keep` returns false. What is put in meanwhile stays.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// (0..10).for_each(|n| _ = map.insert(&m, n, m.alloc(n)));
    /// map.retain(&m, |n, _| n % 2 == 0);
    /// assert_eq!(map.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(&'gc K, Gc<'gc, V>) -> bool) {
        self.table.retain(m, |named| named.object.key(m).is_none_or(|object| keep(&named.key, object)));
    }

    /// Returns the entries whose objects are alive, in no order that means anything, as
    /// [`GcMap::iter`](crate::GcMap::iter) does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = gc_core::WeakValueMap::new(&m);
    /// map.insert(&m, 'a', m.alloc(1));
    /// assert_eq!(map.iter(&m).map(|(key, object)| (*key, *object)).collect::<Vec<_>>(), [('a', 1)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self, m: &'gc Mutator) -> impl Iterator<Item = (&'gc K, Gc<'gc, V>)> + use<'gc, K, V, S> {
        let entries = Gc::as_ref(self.table).entries().iter();
        entries.filter_map(|(named, ())| Some((&named.key, named.object.key(m)?)))
    }

    /// Visits some of the entries whose objects are alive, and moves the cursor past them. Returns
    /// false when there are no more: see [`GcMap::advance`](crate::GcMap::advance).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{WeakValueMap, map::Cursor};
    /// let map = m.root(WeakValueMap::<u64, u64>::new(&m));
    /// let object = m.root(m.alloc(7_u64));
    /// map.get(&m).insert(&m, 8, object.get(&m));
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while map.get(&m).advance(&m, &mut cursor, |key, object| sum += key * *object) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 56);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, m: &'gc Mutator, cursor: &mut Cursor, mut visit: impl FnMut(&'gc K, Gc<'gc, V>)) -> bool {
        self.table.entries().advance(cursor, |named, ()| {
            if let Some(object) = named.object.key(m) {
                visit(&named.key, object);
            }
        })
    }
}

impl<K, V: Referent + ?Sized, S> Clone for WeakValueMap<'_, K, V, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V: Referent + ?Sized, S> Copy for WeakValueMap<'_, K, V, S> {}

/// Prints the types.
impl<K, V: Referent + ?Sized, S> fmt::Debug for WeakValueMap<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = (core::any::type_name::<K>(), core::any::type_name::<V>());
        write!(f, "WeakValueMap<{key}, {value}>")
    }
}
