//! `GcMap`: a concurrent hash map in the heap.
//!
//! A map is one pointer to its table, which it has from the first insertion on, and its hasher. The
//! table and its protocol are in `map::table`, the move to another one in `map::moving`. Where
//! slots lie is in `map::slots`, what they hold in `map::node`, and what else a table has in
//! `map::head`. Reads are here, writes in `map::write`, iteration and cursors in `map::iter`.
//!
//! There is no memory reclamation here: a thread that holds a table or a node keeps it alive until
//! its next safepoint, and what nothing holds is garbage. So no address comes back while it is
//! compared with (no ABA), and readers announce nothing.
//!
//! - **[concurrent-map.whole]** User code (`Eq`, `Hash`, closures) runs between the steps of the
//!   protocol only, and what it returns decides nothing but which entry is taken for which key. So
//!   it may panic, lie and use the map. It cannot reach a safepoint, as the mutator is borrowed.
//! - **[concurrent-map.refused]** All that allocates does so before it changes a slot: a refused
//!   allocation leaves the map as another thread might have.

mod by_hash;
mod change;
mod counts;
mod hasher;
mod head;
mod iter;
mod matches;
mod memory;
mod moving;
mod node;
mod probe;
#[cfg(not(any(gc_loom, gc_shuttle)))]
mod set;
mod slots;
mod steps;
mod table;
#[cfg(not(any(gc_loom, gc_shuttle)))]
mod text;
mod write;

use core::hash::{BuildHasher, Hash};

pub(crate) use by_hash::Put;
pub use hasher::{DefaultHashBuilder, DefaultHasher};
pub use iter::{Cursor, Iter};
pub use matches::Matches;
pub(crate) use memory::{Memory, lost};
#[cfg(not(any(gc_loom, gc_shuttle)))]
pub use set::{GcSet, SetIter};
#[cfg(not(any(gc_loom, gc_shuttle)))]
pub use text::{GcTextMap, TextIter, TextKey};
pub use write::InsertError;

use crate::{Gc, Mutator, Slot, Trace, mutator::allocate::refuse};

use self::{
    head::Head,
    table::{NodeRef, Table},
};

/// A concurrent hash map that lives in the heap: any number of threads read and write it at once,
/// without a lock.
///
/// It is a field of a traced type, or an object of its own. Reads write nothing and never wait: a
/// look-up finds the slot by the hash, looks at hardly any entry but the one that it wants, and
/// compares keys. Writes are lock-free: one compare-and-exchange where the key is there, and three
/// or four atomic operations where it is removed or added. The table grows, shrinks and is cleaned
/// a little with each write. A write does the rest of a move itself if a thread that had begun a
/// part of it has stopped, and the next table is full or nearly empty by then.
///
/// | one atomic step | not atomic |
/// |---|---|
/// | [`get`](Self::get), [`insert`](Self::insert), [`get_or_insert_with`](Self::get_or_insert_with), [`update`](Self::update), [`compare_exchange`](Self::compare_exchange), [`remove`](Self::remove), [`compare_remove`](Self::compare_remove) | [`len`](Self::len), [`iter`](Self::iter), [`retain`](Self::retain), [`clear`](Self::clear), cursors, and any two calls |
///
/// The steps on one key are in one order for all threads. A key and its value are one immutable
/// object, and `get` lends it until the next safepoint, though it may be replaced or removed
/// meanwhile. To change a value in place, give it a [`Slot`] or a [`GcCell`](crate::GcCell), or put
/// a new one in its place.
///
/// Keys and values are of any traced type. What is replaced or removed is garbage at once, key and
/// value. Only an entry whose slot lies behind those of three removed ones with hashes like its
/// own, as that of a key that comes and goes, is garbage later: when its key is put in again, or
/// the table moves.
///
/// User code in `Hash`, `Eq` and closures may panic, and may use the map: the map stays whole. If
/// `Eq` and `Hash` do not agree, or change their minds, keys may be missed or be there twice, as in
/// a map of std, and nothing worse happens.
///
/// # Cost
///
/// An entry takes 16 bytes, its key and its value, and 12 to 25 bytes of the table; the smallest
/// table has 7 slots. While the table moves to another one, there are both, and a look-up may look
/// into both. A table of more than 7168 slots is made in segments of 64 KiB, as entries come to
/// them: so no insertion pays for more than one. An entry that moves takes an object of an entry's
/// size once more, which is garbage soon: values of more than a few words had better be behind a
/// [`Gc`]. The [default hasher](crate::map::DefaultHashBuilder) is fast, and seeded at random for
/// each map; any [`BuildHasher`] will do that is `'static + Send + Sync`.
///
/// ```
/// use gc_core::{Gc, GcMap, Heap, Trace, blocking};
///
/// #[derive(Trace)]
/// struct User<'gc> {
///     name: Gc<'gc, str>,
/// }
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let users = m.root(m.alloc(GcMap::<u64, User>::new()));
/// users.get(&m).insert(&m, 7, User { name: m.alloc_str("Ada") });
/// m.safepoint();
///
/// blocking::scope(&mut m, |scope| {
///     for id in 0..2 {
///         let (heap, users) = (&heap, &users);
///         scope.spawn(move || {
///             let m = heap.attach().expect("a mutator");
///             let users = users.get(&m);
///             users.get_or_insert_with(&m, id, || User { name: m.alloc_str("somebody") });
///             assert_eq!(users.get(&7).map(|user| &*user.name), Some("Ada"));
///         });
///     }
/// });
/// assert_eq!(users.get(&m).len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(not(any(gc_loom, gc_shuttle)), derive(Trace))]
pub struct GcMap<'gc, K, V, S = DefaultHashBuilder> {
    /// Null until the first insertion.
    table: Slot<'gc, Head<'gc, K, V>>,
    #[cfg_attr(not(any(gc_loom, gc_shuttle)), trace(skip))]
    hasher: S,
}

impl<K, V> GcMap<'_, K, V> {
    /// Returns an empty map. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::<u64, u64>::new());
    /// assert!(map.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder::default())
    }
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc> GcMap<'gc, K, V> {
    /// Returns an empty map with room for `entries`. The memory for most of them is taken as they
    /// come. The map never has room for fewer, however many are removed.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`], and for 1.3 × 2³⁰ entries or more.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::with_capacity(&m, 1000));
    /// map.insert(&m, 1, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity(m: &'gc Mutator, entries: usize) -> Self {
        Self::with_capacity_and_hasher(m, entries, DefaultHashBuilder::default())
    }
}

impl<K, V, S> GcMap<'_, K, V, S> {
    /// Returns an empty map that hashes by `hasher`. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    /// let hasher = BuildHasherDefault::<DefaultHasher>::default();
    /// let map = m.alloc(gc_core::GcMap::with_hasher(hasher));
    /// map.insert(&m, 1, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { table: Slot::null(), hasher }
    }

    /// Returns the hasher.
    ///
    /// ```
    /// # use std::hash::BuildHasher;
    /// let map = gc_core::GcMap::<u64, u64>::new();
    /// assert_eq!(map.hasher().hash_one(7), map.hasher().hash_one(7));
    /// ```
    #[must_use]
    pub fn hasher(&self) -> &S {
        &self.hasher
    }
}

impl<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc, S> GcMap<'gc, K, V, S> {
    /// Returns an empty map with room for `entries`, that hashes by `hasher`. The memory for most
    /// of them is taken as they come. The map never has room for fewer, however many are removed.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`], and for 1.3 × 2³⁰ entries or more.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::RandomState;
    /// let map = m.alloc(gc_core::GcMap::with_capacity_and_hasher(&m, 1000, RandomState::new()));
    /// map.insert(&m, 1, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity_and_hasher(m: &'gc Mutator, entries: usize, hasher: S) -> Self {
        match Table::first(Memory::of_alloc(m), entries) {
            Ok(table) => Self { table: Slot::from(table.0), hasher },
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Returns how many entries there are. While other threads add and remove some, it is a number
    /// that there may never have been; when they have ended it is exact. A load of a word that they
    /// write.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.insert(&m, 'a', 1);
    /// map.insert(&m, 'a', 2);
    /// assert_eq!(map.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.current().map_or(0, Table::len)
    }

    /// Returns whether [`len`](Self::len) is 0.
    ///
    /// ```
    /// assert!(gc_core::GcMap::<u64, u64>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the table that all threads begin at.
    #[inline(always)]
    fn current(&self) -> Option<Table<'gc, K, V>> {
        self.table.get().map(Table)
    }
}

impl<'gc, K, V, S> GcMap<'gc, K, V, S>
where
    K: Trace<At<'gc> = K> + Eq + Hash + 'gc,
    V: Trace<At<'gc> = V> + 'gc,
    S: BuildHasher,
{
    /// Returns the value of `key`, lent until the next safepoint. Writes nothing and never waits.
    ///
    /// `key` may be of any type that the keys borrow as, with the same `Hash` and `Eq`, or
    /// [match](Matches).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::<String, u64>::new());
    /// map.insert(&m, "one".to_owned(), 1);
    /// assert_eq!((map.get("one"), map.get("two")), (Some(&1), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A value that would live across a safepoint does not compile:
    ///
    /// ```compile_fail,E0502
    /// # let heap = gc_core::Heap::builder().build().unwrap();
    /// # let mut m = heap.attach().unwrap();
    /// let map = m.root(m.alloc(gc_core::GcMap::<u64, u64>::new()));
    /// let one = map.get(&m).get(&1);
    /// m.safepoint();
    /// println!("{one:?}");
    /// ```
    #[inline]
    #[must_use]
    pub fn get<Q: Hash + ?Sized>(&self, key: &Q) -> Option<&'gc V>
    where
        K: Matches<Q>,
    {
        Some(self.get_key_value(key)?.1)
    }

    /// Returns the key that is equal to `key`, and its value.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::<String, u64>::new());
    /// map.insert(&m, "one".to_owned(), 1);
    /// assert_eq!(map.get_key_value("one"), Some((&"one".to_owned(), &1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get_key_value<Q: Hash + ?Sized>(&self, key: &Q) -> Option<(&'gc K, &'gc V)>
    where
        K: Matches<Q>,
    {
        let table = self.current()?;
        table.find(self.hash(key), |entry, other| other.matches(key).then_some(entry)).map(contents)
    }

    /// Returns whether there is a value of `key`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let map = m.alloc(gc_core::GcMap::new());
    /// map.insert(&m, 1, 'a');
    /// assert!(map.contains_key(&1) && !map.contains_key(&2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contains_key<Q: Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Matches<Q>,
    {
        self.get_key_value(key).is_some()
    }
}

impl<K, V, S: BuildHasher> GcMap<'_, K, V, S> {
    /// Returns the hash of a key.
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u32 {
        folded(self.hasher.hash_one(key))
    }
}

impl<K, V, S: Default> Default for GcMap<'_, K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

/// Returns the hash of a key: 32 bits that depend on all bits of what the hasher says, so that one
/// whose upper bits say little will do.
#[inline(always)]
pub(crate) fn folded(hash: u64) -> u32 {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// Returns the key and the value of an entry.
#[inline(always)]
fn contents<'gc, K: Trace<At<'gc> = K> + 'gc, V: Trace<At<'gc> = V> + 'gc>(
    entry: NodeRef<'gc, K, V>,
) -> (&'gc K, &'gc V) {
    match Gc::as_ref(entry).entry() {
        Some((_, key, value)) => (key, value),
        None => unreachable!("an entry that was found is an entry"),
    }
}
