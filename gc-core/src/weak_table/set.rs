//! `WeakSet`: objects that it does not keep alive.

use core::fmt;

use crate::{
    AllocError, Gc, Mutator, Object, Referent, Trace,
    map::{Cursor, Memory},
};

use super::{
    entries::{Held, NewPair, Table, granted},
    key_map::number,
};

/// A set of objects, which it does not keep alive: those that observe something, those that were
/// visited, all of a kind that there are.
///
/// When a collection finds a member dead, it is no member any more to all threads at once, and its
/// entry leaves the table some time later, without a call of the program: what Python calls
/// `WeakSet`.
///
/// A member is an object, not its content: its membership ends with one object, and an equal object
/// is no member. A set by content is [`Interner`](crate::Interner).
///
/// It is one word, `Copy`, and its copies are the same set. It may be a field, or in a
/// [`Root`](crate::Root). All threads of the heap may use it at once, as they may a
/// [`GcMap`](crate::GcMap). The cost is that of a [`WeakKeyMap`](crate::WeakKeyMap) without values.
///
/// ```
/// use gc_core::{Collect, Heap, WeakSet};
/// use std::time::Duration;
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let observers = m.root(WeakSet::<str>::new(&m));
/// let ada = m.root(m.alloc_str("Ada"));
/// observers.get(&m).insert(&m, ada.get(&m));
/// observers.get(&m).insert(&m, m.alloc_str("nobody"));
///
/// m.collect(Collect::Full);
/// assert_eq!(observers.get(&m).iter(&m).map(|name| name.to_string()).collect::<Vec<_>>(), ["Ada"]);
/// m.drain_drops(Duration::from_secs(60))?;
/// assert_eq!(observers.get(&m).len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(crate = crate)]
pub struct WeakSet<'gc, T: Referent + ?Sized> {
    table: Gc<'gc, Table<'gc, Held<'gc, T, T>, ()>>,
}

impl<'gc, T: Object<At<'gc> = T> + ?Sized + 'gc> WeakSet<'gc, T> {
    /// Returns an empty set. Allocates its object.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::WeakSet::<u64>::new(&m).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(m: &'gc Mutator) -> Self {
        Self { table: Table::alloc(m, ()) }
    }

    /// Puts an object in. Returns whether it was no member.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let object = m.alloc(7);
    /// assert!(set.insert(&m, object) && !set.insert(&m, object) && set.insert(&m, m.alloc(7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> bool {
        granted(m, self.put(Memory::of_alloc(m), object))
    }

    /// Puts an object in as [`insert`](Self::insert) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let object = m.alloc(7);
    /// assert!(set.try_insert(&m, object)? && !set.try_insert(&m, object)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_insert(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> Result<bool, AllocError<()>> {
        self.put(Memory::of_try_alloc(m), object)
    }

    fn put(&self, memory: Memory<'gc>, object: Gc<'gc, T>) -> Result<bool, AllocError<()>> {
        let hash = number(Gc::id(object, memory.mutator));
        let make = |pair: NewPair<'gc, _>| Ok(Held(pair.of(object, object)?));
        let put = Table::put(self.table, memory, hash, |_, held| held.0.is_of(object), |_| false, make)?;
        Ok(put.after.is_some())
    }

    /// Returns whether an object is a member.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let object = m.alloc(7);
    /// set.insert(&m, object);
    /// assert!(set.contains(&m, object) && !set.contains(&m, m.alloc(7)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contains(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> bool {
        let Some(id) = Gc::known_id(object, m) else { return false };
        self.table.entries().find_by(number(id), |held| held.0.is_of(object).then_some(())).is_some()
    }

    /// Takes an object out. Returns whether it was a member.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let object = m.alloc(7);
    /// set.insert(&m, object);
    /// assert!(set.remove(&m, object) && !set.remove(&m, object));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> bool {
        let Some(id) = Gc::known_id(object, m) else { return false };
        self.table.remove(m, number(id), |held| held.0.is_of(object)).is_some()
    }

    /// Takes the members out for which `keep` returns false. What is put in meanwhile stays.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let objects: Vec<_> = (0..10).map(|n| m.alloc(n)).collect();
    /// objects.iter().for_each(|&object| _ = set.insert(&m, object));
    /// set.retain(&m, |object| *object % 2 == 0);
    /// assert_eq!(set.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retain(&self, m: &'gc Mutator, mut keep: impl FnMut(Gc<'gc, T>) -> bool) {
        self.table.retain(m, |held| held.0.key(m).is_none_or(&mut keep));
    }

    /// Returns the members, in no order that means anything, as [`GcMap::iter`](crate::GcMap::iter)
    /// does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// let object = m.alloc(7);
    /// set.insert(&m, object);
    /// assert_eq!(set.iter(&m).map(|object| *object).collect::<Vec<_>>(), [7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self, m: &'gc Mutator) -> impl Iterator<Item = Gc<'gc, T>> + use<'gc, T> {
        Gc::as_ref(self.table).entries().iter().filter_map(|(held, ())| held.0.key(m))
    }

    /// Visits some of the members, and moves the cursor past them. Returns false when there are no
    /// more: see [`GcMap::advance`](crate::GcMap::advance).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{WeakSet, map::Cursor};
    /// let set = m.root(WeakSet::<u64>::new(&m));
    /// let object = m.root(m.alloc(7_u64));
    /// set.get(&m).insert(&m, object.get(&m));
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while set.get(&m).advance(&m, &mut cursor, |object| sum += *object) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, m: &'gc Mutator, cursor: &mut Cursor, mut visit: impl FnMut(Gc<'gc, T>)) -> bool {
        self.table.entries().advance(cursor, |held, ()| {
            if let Some(object) = held.0.key(m) {
                visit(object);
            }
        })
    }

    /// Returns how many entries there are: those whose object a collection has found dead are among
    /// them until they have been removed, some time after it. While other threads add some, it is a
    /// number that there may never have been.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let set = gc_core::WeakSet::new(&m);
    /// set.insert(&m, m.alloc(7));
    /// assert_eq!(set.len(), 1);
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
    /// let set = gc_core::WeakSet::new(&m);
    /// set.insert(&m, m.alloc(7));
    /// assert!(!set.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Referent + ?Sized> Clone for WeakSet<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized> Copy for WeakSet<'_, T> {}

/// Prints the types.
impl<T: Referent + ?Sized> fmt::Debug for WeakSet<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakSet<{}>", core::any::type_name::<T>())
    }
}
