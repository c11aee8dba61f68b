//! `GcSet`: a [`GcMap`] whose values are nothing.

use core::{
    fmt,
    hash::{BuildHasher, Hash},
};

use crate::{
    Mutator, Trace,
    mutator::{AllocError, allocate::refuse},
};

use super::{
    Cursor, DefaultHashBuilder, GcMap, Matches, change::ByValue, contents, iter::Iter, memory::Memory, steps::Present,
    write::promised,
};

/// A concurrent hash set that lives in the heap: any number of threads read and write it at once,
/// without a lock.
///
/// It is a [`GcMap`] whose values are nothing, and all that is said there holds: reads write
/// nothing and never wait, writes are lock-free, each method on one member is one step, and the
/// table grows and shrinks a little with each write.
///
/// # Cost
///
/// A member takes an object of 16 bytes and itself, of at least 24 bytes, and 12 to 25 bytes of the
/// table. A member that is there is not put in again: that costs a look-up, and allocates nothing.
///
/// ```
/// use gc_core::{Gc, GcSet, Heap, Trace};
///
/// #[derive(Trace)]
/// struct Crawler<'gc> {
///     /// The pages that some thread has begun with.
///     begun: GcSet<'gc, String>,
/// }
///
/// # let heap = Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// let crawler = m.root(m.alloc(Crawler { begun: GcSet::new() }));
/// m.safepoint();
/// assert!(crawler.get(&m).begun.insert(&m, "/index".to_owned()));
/// // Of all threads that insert one member, one is told that it is new.
/// assert!(!crawler.get(&m).begun.insert(&m, "/index".to_owned()));
/// assert!(crawler.get(&m).begun.contains("/index"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(leaf(S))]
pub struct GcSet<'gc, T, S = DefaultHashBuilder> {
    map: GcMap<'gc, T, (), S>,
}

impl<T> GcSet<'_, T> {
    /// Returns an empty set. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::<u64>::new());
    /// assert!(set.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { map: GcMap::new() }
    }
}

impl<'gc, T: Trace<At<'gc> = T> + 'gc> GcSet<'gc, T> {
    /// Returns an empty set with room for `members`.
    ///
    /// # Panics
    ///
    /// As [`GcMap::with_capacity`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::with_capacity(&m, 1000));
    /// set.insert(&m, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity(m: &'gc Mutator, members: usize) -> Self {
        Self { map: GcMap::with_capacity(m, members) }
    }
}

impl<T, S> GcSet<'_, T, S> {
    /// Returns an empty set that hashes by `hasher`. Allocates nothing.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    /// let hasher = BuildHasherDefault::<DefaultHasher>::default();
    /// let set = m.alloc(gc_core::GcSet::with_hasher(hasher));
    /// assert!(set.insert(&m, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: GcMap::with_hasher(hasher) }
    }

    /// Returns the hasher.
    ///
    /// ```
    /// # use std::hash::BuildHasher;
    /// let set = gc_core::GcSet::<u64>::new();
    /// assert_eq!(set.hasher().hash_one(7), set.hasher().hash_one(7));
    /// ```
    #[must_use]
    pub fn hasher(&self) -> &S {
        self.map.hasher()
    }
}

impl<'gc, T: Trace<At<'gc> = T> + 'gc, S> GcSet<'gc, T, S> {
    /// Returns an empty set with room for `members`, that hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// As [`GcMap::with_capacity_and_hasher`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use std::hash::RandomState;
    /// let set = m.alloc(gc_core::GcSet::with_capacity_and_hasher(&m, 1000, RandomState::new()));
    /// set.insert(&m, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_capacity_and_hasher(m: &'gc Mutator, members: usize, hasher: S) -> Self {
        Self { map: GcMap::with_capacity_and_hasher(m, members, hasher) }
    }

    /// Returns how many members there are, as [`GcMap::len`] does: exact when nobody writes.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.extend(&m, ['a', 'b', 'a']);
    /// assert_eq!(set.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Returns whether [`len`](Self::len) is 0.
    ///
    /// ```
    /// assert!(gc_core::GcSet::<u64>::new().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

impl<'gc, T: Trace<At<'gc> = T> + Eq + Hash + 'gc> GcSet<'gc, T> {
    /// Returns a set of the members that an iterator yields. Of equal ones, the first stays.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let vowels = m.alloc(gc_core::GcSet::from_members(&m, "aeiou".chars()));
    /// assert!(vowels.contains(&'e'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_members(m: &'gc Mutator, members: impl IntoIterator<Item = T>) -> Self {
        let members = members.into_iter();
        let set = Self::with_capacity(m, promised(&members));
        set.extend(m, members);
        set
    }
}

impl<'gc, T: Trace<At<'gc> = T> + Eq + Hash + 'gc, S: BuildHasher> GcSet<'gc, T, S> {
    /// Returns the member that is equal to `value`, lent until the next safepoint. Writes nothing
    /// and never waits.
    ///
    /// `value` may be of any type that the members borrow as, with the same `Hash` and `Eq`, or
    /// [match](super::Matches).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::<String>::new());
    /// set.insert(&m, "one".to_owned());
    /// assert_eq!((set.get("one"), set.get("two")), (Some(&"one".to_owned()), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get<Q: Hash + ?Sized>(&self, value: &Q) -> Option<&'gc T>
    where
        T: Matches<Q>,
    {
        Some(self.map.get_key_value(value)?.0)
    }

    /// Returns whether there is a member that is equal to `value`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.insert(&m, 1);
    /// assert!(set.contains(&1) && !set.contains(&2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn contains<Q: Hash + ?Sized>(&self, value: &Q) -> bool
    where
        T: Matches<Q>,
    {
        self.get(value).is_some()
    }

    /// Puts a member in if there is none that is equal. Returns whether it did.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// assert!(set.insert(&m, 1));
    /// assert!(!set.insert(&m, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn insert(&self, m: &'gc Mutator, value: T) -> bool {
        match self.present(Memory::of_alloc(m), value) {
            Ok(found) => found.is_new,
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Puts a member in as [`insert`](Self::insert) does, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was. There is nothing to give back if the
    /// member's object had been made when a bigger table was refused, which takes another thread
    /// that was faster.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::GcSet::new();
    /// heap.set_hard_limit(Some(0));
    /// let error = set.try_insert(&m, 1).unwrap_err();
    /// assert_eq!((error.into_value(), set.len()), (Some(1), 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(&self, m: &'gc Mutator, value: T) -> Result<bool, AllocError<Option<T>>> {
        self.present(Memory::of_try_alloc(m), value).map(|found| found.is_new)
    }

    /// Puts a member in, in the place of one that is equal, which it returns.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// let (old, new) = (String::from("one"), String::from("one"));
    /// let at = new.as_ptr();
    /// assert_eq!(set.replace(&m, old), None);
    /// assert_eq!(set.replace(&m, new).map(String::as_str), Some("one"));
    /// assert_eq!(set.get("one").map(|text| text.as_ptr()), Some(at));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace(&self, m: &'gc Mutator, value: T) -> Option<&'gc T> {
        let hash = self.map.hash(&value);
        match self.map.put(Memory::of_alloc(m), hash, ByValue(value), ()) {
            Ok(before) => before.map(|entry| contents(entry).0),
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Returns the member that is equal to `value`, after putting `value` in if there was none. All
    /// threads get the same one.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// let first = set.get_or_insert(&m, String::from("one"));
    /// assert!(std::ptr::eq(set.get_or_insert(&m, String::from("one")), first));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert(&self, m: &'gc Mutator, value: T) -> &'gc T {
        match self.present(Memory::of_alloc(m), value) {
            Ok(found) => contents(found.entry).0,
            Err(error) => refuse(m.local(), error.refused),
        }
    }

    /// Returns the member as [`get_or_insert`](Self::get_or_insert) does.
    ///
    /// # Errors
    ///
    /// As [`try_insert`](Self::try_insert).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// assert_eq!(set.try_get_or_insert(&m, 7).ok(), Some(&7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert(&self, m: &'gc Mutator, value: T) -> Result<&'gc T, AllocError<Option<T>>> {
        self.present(Memory::of_try_alloc(m), value).map(|found| contents(found.entry).0)
    }

    /// Returns the member that is equal to `value`, after putting in what `make` makes of it if
    /// there was none.
    ///
    /// `make` is called at most once, and may use the set. If another thread, or `make`, puts an
    /// equal member in first, that one is returned, and what `make` returned is garbage.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert), and if what `make` returns is not equal to `value`; the set is
    /// as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::<String>::new());
    /// assert_eq!(set.get_or_insert_with(&m, "one", str::to_owned), "one");
    /// assert_eq!(set.get_or_insert_with(&m, "one", |_| unreachable!()), "one");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_or_insert_with<Q: Hash + ?Sized>(&self, m: &'gc Mutator, value: &Q, make: impl FnOnce(&Q) -> T) -> &'gc T
    where
        T: Matches<Q>,
    {
        if let Some(found) = self.get(value) {
            return found;
        }
        self.get_or_insert(m, made(value, make))
    }

    /// Returns the member as [`get_or_insert_with`](Self::get_or_insert_with) does.
    ///
    /// # Errors
    ///
    /// As [`try_insert`](Self::try_insert): it gives what `make` returned back.
    ///
    /// # Panics
    ///
    /// If what `make` returns is not equal to `value`; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::<String>::new());
    /// assert_eq!(set.try_get_or_insert_with(&m, "one", str::to_owned).unwrap(), "one");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_get_or_insert_with<Q: Hash + ?Sized>(
        &self,
        m: &'gc Mutator,
        value: &Q,
        make: impl FnOnce(&Q) -> T,
    ) -> Result<&'gc T, AllocError<Option<T>>>
    where
        T: Matches<Q>,
    {
        if let Some(found) = self.get(value) {
            return Ok(found);
        }
        self.try_get_or_insert(m, made(value, make))
    }

    /// Returns the member that is equal to `value`, after putting it in if there was none. Gives it
    /// back if memory is refused.
    #[inline]
    fn present(&self, memory: Memory<'gc>, value: T) -> Result<Present<'gc, T, ()>, AllocError<Option<T>>> {
        let hash = self.map.hash(&value);
        let found = self.map.find_or_put(memory, hash, ByValue(value), || ());
        found.map_err(|error| error.map(|value| value.map(|ByValue(value)| value)))
    }

    /// Removes the member that is equal to `value`, and returns it. Never fails: if a smaller table
    /// is refused, the set keeps the one it has.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.insert(&m, 1);
    /// assert_eq!((set.take(&m, &1), set.take(&m, &1)), (Some(&1), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take<Q: Hash + ?Sized>(&self, m: &'gc Mutator, value: &Q) -> Option<&'gc T>
    where
        T: Matches<Q>,
    {
        self.map.take_key(m, value).map(|entry| contents(entry).0)
    }

    /// Removes the member that is equal to `value`. Returns whether there was one.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.insert(&m, 1);
    /// assert!(set.remove(&m, &1) && !set.remove(&m, &1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove<Q: Hash + ?Sized>(&self, m: &'gc Mutator, value: &Q) -> bool
    where
        T: Matches<Q>,
    {
        self.take(m, value).is_some()
    }

    /// Removes the members for which `keep` returns false, as [`GcMap::retain`] does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.extend(&m, 0..10);
    /// set.retain(&m, |n| n % 2 == 0);
    /// assert_eq!(set.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(&'gc T) -> bool) {
        self.map.retain(m, |value, ()| keep(value));
    }

    /// Removes all members that are there throughout.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.insert(&m, 1);
    /// set.clear(&m);
    /// assert!(set.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self, m: &'gc Mutator) {
        self.map.clear(m);
    }

    /// Puts members in, one after the other, where there is none that is equal.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert), with those in that came before.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.extend(&m, 0..10);
    /// assert_eq!(set.len(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend(&self, m: &'gc Mutator, values: impl IntoIterator<Item = T>) {
        for value in values {
            self.insert(m, value);
        }
    }
}

impl<'gc, T: Trace<At<'gc> = T> + Eq + 'gc, S> GcSet<'gc, T, S> {
    /// Returns the members, in no order that means anything. What is said of [`GcMap::iter`] holds.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = m.alloc(gc_core::GcSet::new());
    /// set.extend(&m, 1..=3);
    /// assert_eq!(set.iter().sum::<u64>(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> SetIter<'_, 'gc, T, S> {
        SetIter(self.map.iter())
    }

    /// Visits some members, those from `cursor` on, and moves it past them. Returns false when
    /// there are no more. There may be safepoints between two calls: see [`GcMap::advance`].
    ///
    /// ```
    /// use gc_core::{GcSet, map::Cursor};
    ///
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// let set = m.root(m.alloc(GcSet::<u64>::new()));
    /// set.get(&m).extend(&m, 0..1000);
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while set.get(&m).advance(&mut cursor, |value| sum += value) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 499_500);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, cursor: &mut Cursor, mut visit: impl FnMut(&'gc T)) -> bool {
        self.map.advance(cursor, |value, ()| visit(value))
    }
}

/// Returns what `make` makes of a value that is not there.
///
/// # Panics
///
/// If that is another value: it would be put in where it is not looked for.
fn made<Q: ?Sized, T: Matches<Q>>(value: &Q, make: impl FnOnce(&Q) -> T) -> T {
    let made = make(value);
    assert!(
        made.matches(value),
        "expected a new member of a set that is equal to the value that was looked up, found another one: make it of that value"
    );
    made
}

impl<T, S: Default> Default for GcSet<'_, T, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<'gc, T, S> fmt::Debug for GcSet<'gc, T, S>
where
    T: Trace<At<'gc> = T> + Eq + fmt::Debug + 'gc,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The members of a [`GcSet`]: see [`GcSet::iter`].
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let set = m.alloc(gc_core::GcSet::new());
/// set.insert(&m, 1);
/// assert_eq!(set.iter().next(), Some(&1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "an iterator does nothing until it is asked"]
pub struct SetIter<'a, 'gc, T, S>(Iter<'a, 'gc, T, (), S>);

impl<'gc, T: Trace<At<'gc> = T> + Eq + 'gc, S> Iterator for SetIter<'_, 'gc, T, S> {
    type Item = &'gc T;

    fn next(&mut self) -> Option<&'gc T> {
        self.0.next().map(|(value, ())| value)
    }
}
