//! The object of a weak table: its entries, and how the heap removes one without knowing the types.

use core::{
    hash::{BuildHasher, Hash},
    ptr::NonNull,
};

use crate::{
    AllocError, Ephemeron, Gc, GcMap, Mutator, Object, Referent, Trace,
    map::{Memory, Put, folded},
    mutator::allocate::refuse,
    sync::mutant,
};

use super::{owner::Owner, removal::Removal};

/// An entry of a weak table: it holds an ephemeron.
pub(super) trait Entry<'gc>: Trace<At<'gc> = Self> + 'gc {
    /// Returns the address of the pair.
    fn pair(&self) -> NonNull<u8>;
}

/// An entry that is an ephemeron, and nothing else: equal to another one if the objects are the
/// same.
#[derive(Trace)]
#[trace(crate = crate)]
pub(super) struct Held<'gc, K: Referent + ?Sized, V: Referent + ?Sized>(pub(super) Ephemeron<'gc, K, V>);

impl<'gc, K: Object<At<'gc> = K> + ?Sized + 'gc, V: Object<At<'gc> = V> + ?Sized + 'gc> Entry<'gc> for Held<'gc, K, V> {
    fn pair(&self) -> NonNull<u8> {
        self.0.address()
    }
}

impl<'gc, K: Object + ?Sized, V: Object + ?Sized> PartialEq for Held<'gc, K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_like(other.0)
    }
}

impl<K: Object + ?Sized, V: Object + ?Sized> Eq for Held<'_, K, V> {}

/// A weak table.
#[derive(Trace)]
#[trace(crate = crate)]
#[trace(leaf(S))]
#[repr(C)]
pub(super) struct Table<'gc, E, S> {
    #[trace(skip)]
    owner: Owner,
    entries: GcMap<'gc, E, (), S>,
}

impl<'gc, E: Entry<'gc>, S: Send + Sync + 'static> Table<'gc, E, S> {
    /// Makes a table that hashes by `hasher`.
    pub(super) fn alloc(m: &'gc Mutator, hasher: S) -> Gc<'gc, Self> {
        let queues = &m.collector().registered.queues;
        if !queues.has_removal() {
            let visitor = m.users().visitor();
            queues.remove_entries_by(move || Box::new(Removal { visitor: visitor.clone() }));
        }
        // SAFETY: a table begins with its owner, and the function is that of this table.
        let owner = unsafe { Owner::new(remove::<E, S>) };
        m.alloc(Self { owner, entries: GcMap::with_hasher(hasher) })
    }

    /// Returns the entries.
    #[inline(always)]
    pub(super) fn entries(&self) -> &GcMap<'gc, E, (), S> {
        &self.entries
    }

    /// Returns the hash of a key.
    #[inline]
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u32
    where
        S: BuildHasher,
    {
        folded(self.entries.hasher().hash_one(key))
    }

    /// Puts in what `make` returns, given the pair's part, if there is no entry that is `wanted`,
    /// or one that may be replaced.
    pub(super) fn put(
        this: Gc<'gc, Self>,
        memory: Memory<'gc>,
        hash: u32,
        wanted: impl Fn(Option<&'gc E>, &E) -> bool,
        replaces: impl Fn(&'gc E) -> bool,
        make: impl FnOnce(NewPair<'gc, Self>) -> Result<E, AllocError<()>>,
    ) -> Result<Put<'gc, E>, AllocError<()>> {
        let make = || make(NewPair { memory, table: this, hash });
        Gc::as_ref(this).entries.put_by(memory, hash, wanted, replaces, make)
    }

    /// Puts what `make` returns, given the pair's part and the entry, in the place of the entry
    /// that is `wanted`, if there is one. `make` is called again if another thread was faster.
    pub(super) fn replace(
        this: Gc<'gc, Self>,
        memory: Memory<'gc>,
        hash: u32,
        wanted: impl FnMut(&'gc E) -> bool,
        mut make: impl FnMut(NewPair<'gc, Self>, &'gc E) -> Result<E, AllocError<()>>,
    ) -> Result<Option<&'gc E>, AllocError<()>> {
        let make = |entry| make(NewPair { memory, table: this, hash }, entry);
        Gc::as_ref(this).entries.replace_by(memory, hash, wanted, make)
    }

    /// Removes the entries that are there throughout and for which `keep` returns false.
    pub(super) fn retain(&self, m: &'gc Mutator, keep: impl FnMut(&'gc E) -> bool)
    where
        E: Eq,
    {
        self.entries.retain_by(m, keep);
    }

    /// Removes the entry of this hash that is `wanted`.
    pub(super) fn remove(&self, m: &'gc Mutator, hash: u32, wanted: impl FnMut(&'gc E) -> bool) -> Option<&'gc E> {
        self.entries.remove_by(m, hash, wanted)
    }
}

/// Returns what was made, or panics as [`Mutator::alloc`] does.
pub(super) fn granted<T>(m: &Mutator, made: Result<T, AllocError<()>>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => refuse(m.local(), error.refused),
    }
}

/// What an ephemeron is made of, beside key and value.
pub(super) struct NewPair<'gc, T> {
    memory: Memory<'gc>,
    table: Gc<'gc, T>,
    hash: u32,
}

impl<'gc, T: Object> NewPair<'gc, T> {
    /// Returns an ephemeron of the table.
    ///
    /// # Errors
    ///
    /// If memory is refused to a write that does not insist on it.
    pub(super) fn of<K: Object + ?Sized, V: Object + ?Sized>(
        self,
        key: Gc<'gc, K>,
        value: Gc<'gc, V>,
    ) -> Result<Ephemeron<'gc, K, V>, AllocError<()>> {
        let Self { memory, table, hash } = self;
        let Memory { mutator: m, insists } = memory;
        let make = |pair| if insists { Ok(m.alloc_young(pair)) } else { m.try_alloc_young(pair) };
        Ephemeron::of_table(make, (key, value), (table, hash))
    }
}

/// Removes the entry of a pair: see [`Owner`].
///
/// # Safety
///
/// `m` is a mutator that reaches no safepoint meanwhile, `table` is a `Table<E, S>` of its heap,
/// and `pair` one of the table's pairs.
unsafe fn remove<'gc, E: Entry<'gc>, S: Send + Sync + 'static>(
    m: *const Mutator,
    table: NonNull<u8>,
    pair: NonNull<u8>,
    hash: u32,
) -> bool {
    // SAFETY: the caller's. Nothing that has the lifetime outlives this call.
    let m: &'gc Mutator = unsafe { &*m };
    // SAFETY: the caller's.
    let table = unsafe { Gc::<'gc, Table<'gc, E, S>>::from_address(table) };
    let entries = &Gc::as_ref(table).entries;
    entries.remove_by(m, hash, |entry| entry.pair() == pair || mutant::ANY_ENTRY_IS_REMOVED.is_planted());
    entries.tidy(m)
}
