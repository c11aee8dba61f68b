//! `Interner`: one object for each content.

use core::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
};

use crate::{
    AllocError, Gc, Mutator, Object, Referent, Trace,
    map::{Cursor, DefaultHashBuilder, Memory, lost},
};

use super::entries::{Held, Table, granted};

/// A set of objects with different contents, which it does not keep alive: it returns one object
/// for each content, to all threads.
///
/// Texts that are interned are equal if they are the same object: [`Gc::ptr_eq`] compares them. One
/// that nobody has any more is collected, and its entry leaves, without a call of the program: what
/// Python calls `sys.intern`, and Java `String.intern`.
///
/// It is one word, `Copy`, and its copies are the same set. It may be a field, or in a
/// [`Root`](crate::Root).
///
/// All threads of the heap may use it at once, as they may a [`GcMap`](crate::GcMap): look-ups
/// write nothing and never wait. Of two threads that intern one content at the same time, one puts
/// its object in, and the other returns that one.
///
/// # Cost
///
/// An entry takes 72 bytes of the heap and 12 to 25 of the table, beside the object. To intern what
/// is there is a look-up, and allocates nothing. An old set costs a minor collection only what was
/// put in since, and a major one what as many ephemerons cost.
///
/// ```
/// use gc_core::{Collect, Gc, Heap, Interner};
/// use std::time::Duration;
///
/// let heap = Heap::builder().build()?;
/// let mut m = heap.attach()?;
/// let names = m.root(Interner::<str>::new(&m));
/// let ada = m.root(names.get(&m).intern(&m, "Ada"));
/// names.get(&m).intern(&m, "nobody");
/// assert!(Gc::ptr_eq(names.get(&m).intern(&m, "Ada"), ada.get(&m)));
///
/// m.collect(Collect::Full);
/// m.drain_drops(Duration::from_secs(60))?;
/// assert_eq!(names.get(&m).len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Trace)]
#[trace(crate = crate)]
#[trace(leaf(S))]
pub struct Interner<'gc, T: Referent + ?Sized, S = DefaultHashBuilder> {
    table: Gc<'gc, Table<'gc, Held<'gc, T, T>, S>>,
}

impl<'gc, T: Object<At<'gc> = T> + ?Sized + 'gc> Interner<'gc, T> {
    /// Returns an empty set. Allocates its object.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`].
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert!(gc_core::Interner::<str>::new(&m).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(m: &'gc Mutator) -> Self {
        Self::with_hasher(m, DefaultHashBuilder::default())
    }
}

impl<'gc, T: Object<At<'gc> = T> + ?Sized + 'gc, S: Send + Sync + 'static> Interner<'gc, T, S> {
    /// Returns an empty set that hashes by `hasher`.
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
    /// let names = gc_core::Interner::<str, _>::with_hasher(&m, hasher);
    /// assert_eq!(&*names.intern(&m, "Ada"), "Ada");
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
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let (_one, _two) = (names.intern(&m, "one"), names.intern(&m, "two"));
    /// assert_eq!(names.len(), 2);
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
    /// assert!(gc_core::Interner::<str>::new(&m).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the objects that are alive, in no order that means anything, as
    /// [`GcMap::iter`](crate::GcMap::iter) does.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let _ada = names.intern(&m, "Ada");
    /// assert_eq!(names.iter(&m).map(|name| name.len()).sum::<usize>(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self, m: &'gc Mutator) -> impl Iterator<Item = Gc<'gc, T>> + use<'gc, T, S> {
        Gc::as_ref(self.table).entries().iter().filter_map(|(held, ())| held.0.key(m))
    }

    /// Visits some of the objects that are alive, and moves the cursor past them. Returns false
    /// when there are no more: see [`GcMap::advance`](crate::GcMap::advance).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// use gc_core::{Interner, map::Cursor};
    /// let names = m.root(Interner::<str>::new(&m));
    /// let _ada = m.root(names.get(&m).intern(&m, "Ada"));
    /// let (mut cursor, mut sum) = (Cursor::new(), 0);
    /// while names.get(&m).advance(&m, &mut cursor, |name| sum += name.len()) {
    ///     m.safepoint();
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, m: &'gc Mutator, cursor: &mut Cursor, mut visit: impl FnMut(Gc<'gc, T>)) -> bool {
        self.table.entries().advance(cursor, |held, ()| {
            if let Some(object) = held.0.key(m) {
                visit(object);
            }
        })
    }
}

impl<'gc, T, S> Interner<'gc, T, S>
where
    T: Object<At<'gc> = T> + Eq + Hash + ?Sized + 'gc,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Returns the object whose content is equal to `content`, if there is one.
    ///
    /// `content` may be of any type that the contents borrow as, with the same `Hash` and `Eq`.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let _ada = names.intern(&m, "Ada");
    /// assert!(names.get(&m, "Ada").is_some() && names.get(&m, "Bob").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, m: &'gc Mutator, content: &Q) -> Option<Gc<'gc, T>>
    where
        T: Borrow<Q>,
    {
        self.find(m, self.table.hash(content), content)
    }

    #[inline(always)]
    fn find<Q: Eq + ?Sized>(&self, m: &'gc Mutator, hash: u32, content: &Q) -> Option<Gc<'gc, T>>
    where
        T: Borrow<Q>,
    {
        self.table.entries().find_by(hash, |held| object_of(held, m, content))
    }

    /// Returns the object whose content is equal to `content`, after putting in the one that `make`
    /// returns if there was none.
    ///
    /// `make` is called at most once, and may use the set. If another thread, or `make`, puts an
    /// equal one in first, that one is returned. What `make` returns is put in for the content that
    /// was asked for: if it has another one, it is found by nobody who asks for that.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let ada = m.alloc_str("Ada");
    /// assert!(Gc::ptr_eq(names.intern_with(&m, "Ada", || ada), ada));
    /// assert!(Gc::ptr_eq(names.intern_with(&m, "Ada", || unreachable!()), ada));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn intern_with<Q: Hash + Eq + ?Sized>(
        &self,
        m: &'gc Mutator,
        content: &Q,
        make: impl FnOnce() -> Gc<'gc, T>,
    ) -> Gc<'gc, T>
    where
        T: Borrow<Q>,
    {
        let hash = self.table.hash(content);
        match self.find(m, hash, content) {
            Some(object) => object,
            None => self.put_or_panic(m, hash, content, make),
        }
    }

    /// Puts an object in, and returns it in a register: with the `Result` of `put`, look-ups took
    /// seven instructions more.
    #[cold]
    #[inline(never)]
    fn put_or_panic<Q: Eq + ?Sized>(
        &self,
        m: &'gc Mutator,
        hash: u32,
        content: &Q,
        make: impl FnOnce() -> Gc<'gc, T>,
    ) -> Gc<'gc, T>
    where
        T: Borrow<Q>,
    {
        granted(m, self.put(Memory::of_alloc(m), hash, content, || Ok(make())))
    }

    /// Returns the object of a content as [`intern_with`](Self::intern_with) does. What `make` is
    /// refused is refused to the caller.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was. `make` may have been called.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let ada = names.try_intern_with(&m, "Ada", || m.try_alloc_str("Ada"))?;
    /// assert_eq!(&*ada, "Ada");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_intern_with<Q: Hash + Eq + ?Sized, E>(
        &self,
        m: &'gc Mutator,
        content: &Q,
        make: impl FnOnce() -> Result<Gc<'gc, T>, AllocError<E>>,
    ) -> Result<Gc<'gc, T>, AllocError<()>>
    where
        T: Borrow<Q>,
    {
        let hash = self.table.hash(content);
        match self.find(m, hash, content) {
            Some(object) => Ok(object),
            None => self.put(Memory::of_try_alloc(m), hash, content, || make().map_err(lost)),
        }
    }

    #[cold]
    #[inline(never)]
    fn put<Q: Eq + ?Sized>(
        &self,
        memory: Memory<'gc>,
        hash: u32,
        content: &Q,
        make: impl FnOnce() -> Result<Gc<'gc, T>, AllocError<()>>,
    ) -> Result<Gc<'gc, T>, AllocError<()>>
    where
        T: Borrow<Q>,
    {
        let m = memory.mutator;
        let put = Table::put(
            self.table,
            memory,
            hash,
            |_, held: &Held<'gc, T, T>| object_of(held, m, content).is_some(),
            |_| false,
            |pair| {
                let object = make()?;
                Ok(Held(pair.of(object, object)?))
            },
        )?;
        match put.before.or(put.after).and_then(|held| held.0.key(m)) {
            Some(object) => Ok(object),
            None => unreachable!("an entry that was found or made at this moment is alive until the next safepoint"),
        }
    }

    /// Returns the object that stands for all that are equal to `object`: this one, if there was
    /// none.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let (one, other) = (m.alloc_str("Ada"), m.alloc_str("Ada"));
    /// assert!(Gc::ptr_eq(names.intern_object(&m, one), one));
    /// assert!(Gc::ptr_eq(names.intern_object(&m, other), one));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn intern_object(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> Gc<'gc, T> {
        self.intern_with(m, Gc::as_ref(object), || object)
    }

    /// Returns the object that stands for all that are equal to `object`, as
    /// [`intern_object`](Self::intern_object) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let ada = m.alloc_str("Ada");
    /// assert!(gc_core::Gc::ptr_eq(names.try_intern_object(&m, ada)?, ada));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_intern_object(&self, m: &'gc Mutator, object: Gc<'gc, T>) -> Result<Gc<'gc, T>, AllocError<()>> {
        self.try_intern_with(m, Gc::as_ref(object), || Ok::<_, AllocError<()>>(object))
    }

    /// Takes the entry of a content out. Its object, if somebody has it, is not the one that is
    /// returned for the content any more. Returns it if it was alive.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// let _ada = names.intern(&m, "Ada");
    /// assert!(names.remove(&m, "Ada").is_some() && names.get(&m, "Ada").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove<Q: Hash + Eq + ?Sized>(&self, m: &'gc Mutator, content: &Q) -> Option<Gc<'gc, T>>
    where
        T: Borrow<Q>,
    {
        let is_wanted = |held: &Held<'gc, T, T>| object_of(held, m, content).is_some();
        self.table.remove(m, self.table.hash(content), is_wanted).and_then(|held| held.0.key(m))
    }
}

impl<'gc, S: BuildHasher + Send + Sync + 'static> Interner<'gc, str, S> {
    /// Returns the object of a text, which is made if there is none.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// assert!(Gc::ptr_eq(names.intern(&m, "Ada"), names.intern(&m, &"Ada Lovelace"[..3])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn intern(&self, m: &'gc Mutator, text: &str) -> Gc<'gc, str> {
        self.intern_with(m, text, || m.alloc_str(text))
    }

    /// Returns the object of a text as [`intern`](Self::intern) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let names = gc_core::Interner::<str>::new(&m);
    /// assert_eq!(&*names.try_intern(&m, "Ada")?, "Ada");
    /// heap.set_hard_limit(Some(0));
    /// assert!(names.try_intern(&m, &"Bob".repeat(1 << 16)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_intern(&self, m: &'gc Mutator, text: &str) -> Result<Gc<'gc, str>, AllocError<()>> {
        self.try_intern_with(m, text, || m.try_alloc_str(text))
    }
}

impl<'gc, T, S> Interner<'gc, [T], S>
where
    T: Trace<At<'gc> = T> + Eq + Hash + Clone + 'gc,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Returns the object of a slice, which is made of clones if there is none.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let rows = gc_core::Interner::<[u32]>::new(&m);
    /// assert!(Gc::ptr_eq(rows.intern(&m, &[1, 2]), rows.intern(&m, &[1, 2])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn intern(&self, m: &'gc Mutator, slice: &[T]) -> Gc<'gc, [T]> {
        self.intern_with(m, slice, || m.alloc_slice_with(slice.len(), |index| slice[index].clone()))
    }

    /// Returns the object of a slice as [`intern`](Self::intern) does.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let rows = gc_core::Interner::<[u32]>::new(&m);
    /// assert_eq!(*rows.try_intern(&m, &[1, 2])?, [1, 2]);
    /// heap.set_hard_limit(Some(0));
    /// assert!(rows.try_intern(&m, &[3; 1 << 16]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_intern(&self, m: &'gc Mutator, slice: &[T]) -> Result<Gc<'gc, [T]>, AllocError<()>> {
        let make = || m.try_alloc_slice_with(slice.len(), |index| slice[index].clone());
        self.try_intern_with(m, slice, make)
    }
}

impl<'gc, T, S> Interner<'gc, T, S>
where
    T: Trace<At<'gc> = T> + Eq + Hash + 'gc,
    S: BuildHasher + Send + Sync + 'static,
{
    /// Returns the object of a value, which is made of this one if there is none.
    ///
    /// # Panics
    ///
    /// As [`Mutator::alloc`]; the set is as it was.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// use gc_core::Gc;
    /// let pairs = gc_core::Interner::<(u32, char)>::new(&m);
    /// assert!(Gc::ptr_eq(pairs.intern(&m, (1, 'a')), pairs.intern(&m, (1, 'a'))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn intern(&self, m: &'gc Mutator, value: T) -> Gc<'gc, T> {
        let hash = self.table.hash(&value);
        match self.find(m, hash, &value) {
            Some(object) => object,
            None => {
                let object = m.alloc(value);
                self.put_or_panic(m, hash, Gc::as_ref(object), || object)
            }
        }
    }

    /// Returns the object of a value as [`intern`](Self::intern) does, or gives the value back.
    ///
    /// # Errors
    ///
    /// As [`Mutator::try_alloc`]; the set is as it was. There is nothing to give back if the value
    /// was in the heap already, and its entry was refused.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let pages = gc_core::Interner::<[u8; 1 << 16]>::new(&m);
    /// heap.set_hard_limit(Some(0));
    /// assert_eq!(pages.try_intern(&m, [7; 1 << 16]).unwrap_err().into_value(), Some([7; 1 << 16]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_intern(&self, m: &'gc Mutator, value: T) -> Result<Gc<'gc, T>, AllocError<Option<T>>> {
        let hash = self.table.hash(&value);
        if let Some(object) = self.find(m, hash, &value) {
            return Ok(object);
        }
        let object = m.try_alloc(value).map_err(|error| error.map(Some))?;
        let put = self.put(Memory::of_try_alloc(m), hash, Gc::as_ref(object), || Ok(object));
        put.map_err(|error| error.map(|()| None))
    }
}

/// Returns the object of an entry, if it is alive and has this content.
#[inline(always)]
fn object_of<'gc, T: Object<At<'gc> = T> + Borrow<Q> + ?Sized + 'gc, Q: Eq + ?Sized>(
    held: &Held<'gc, T, T>,
    m: &'gc Mutator,
    content: &Q,
) -> Option<Gc<'gc, T>> {
    held.0.key(m).filter(|&object| Gc::as_ref(object).borrow() == content)
}

impl<T: Referent + ?Sized, S> Clone for Interner<'_, T, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Referent + ?Sized, S> Copy for Interner<'_, T, S> {}

/// Prints the type.
impl<T: Referent + ?Sized, S> fmt::Debug for Interner<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Interner<{}>", core::any::type_name::<T>())
    }
}
