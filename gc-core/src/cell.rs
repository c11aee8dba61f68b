//! `GcCell`: a mutable field that is not one pointer.
//!
//! A cell is a lock word and the content. `object::cell_word` defines the word's bits. The write
//! barrier runs before a write begins.

mod conflict;
mod guards;
mod pointer;

use core::{cell::UnsafeCell, fmt, marker::PhantomData, time::Duration};
use std::time::Instant;

pub use conflict::BorrowError;
pub use guards::{GcCellMut, GcCellRef};

use crate::{
    Mutator,
    collector::type_info::TypeInfoOf,
    object::{CellConflict, CellUser, CellWord},
    sync::{spin_loop, spins},
    trace::{Trace, Visitor},
};

use conflict::{Access, LONG};

/// A mutable field of a traced type: an enum value, a `Vec`, a map. For a single pointer, use a
/// [`Slot`](crate::Slot).
///
/// [`get`](Self::get) and [`set`](Self::set) copy small values; [`borrow`](Self::borrow) and
/// [`borrow_mut`](Self::borrow_mut) return guards, as `RefCell` does. A guard ends before the next
/// safepoint. A guard that is forgotten (`mem::forget`) counts until the next collection. If its
/// mutator is the heap's only one, it also ceases to count when that mutator detaches, or when a
/// second one attaches.
///
/// While one mutator is attached and the old generation is not being marked, a borrow costs what
/// `RefCell`'s does. Otherwise the cell is a reader-writer lock that spins, so hold a guard for a
/// few lines only. A waiting writer goes before readers that come after it, for up to 2 ms. The
/// lock takes one word in front of the content.
///
/// The next minor collection after a write to a cell scans the whole content. While the old
/// generation is being marked, the first write borrow of a cell also logs what the cell holds,
/// about 3 ns for each pointer; of more than 1024 elements only what the marker has not traced yet,
/// once in each major cycle. A borrow waits for the marker for 1024 elements at most, except that a
/// `HashMap`, a `BTreeMap` or a `LinkedList` is traced in one go. So for a big mutable array of
/// pointers use a slice object of slots, `Gc<[Slot<…>]>`. Content that cannot hold pointers has no
/// barrier.
///
/// A cell must lie inline in its object: a type that has one in a `Vec`, a `Box` or another cell
/// does not compile when it is allocated.
///
/// ```
/// use gc_core::{Gc, GcCell, Trace};
///
/// #[derive(Trace)]
/// struct Tree<'gc> { children: GcCell<Vec<Gc<'gc, Tree<'gc>>>> }
///
/// # let heap = gc_core::Heap::builder().build()?;
/// # let m = heap.attach()?;
/// let leaf = m.alloc(Tree { children: GcCell::default() });
/// let tree = m.alloc(Tree { children: GcCell::default() });
/// tree.children.borrow_mut(&m).push(leaf);
/// assert_eq!(tree.children.borrow(&m).len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// An access panics if it conflicts with a write guard of the same thread, or has waited for other
/// guards for 10 seconds. Where a borrow costs what `RefCell`'s does, every access that conflicts
/// with a guard panics at once. A read also panics if 2²¹ − 1 read guards are alive. The message
/// names the type.
#[repr(C)]
#[doc(alias = "RefCell")]
pub struct GcCell<T> {
    word: CellWord,
    /// Never `Send` or `Sync`.
    thread: PhantomData<*mut ()>,
    content: UnsafeCell<T>,
}

impl<T> GcCell<T> {
    /// Returns a cell that holds `value`.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let counter = m.alloc(GcCell::new(0_u64));
    /// counter.set(&m, counter.get(&m) + 1);
    /// assert_eq!(counter.get(&m), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { word: CellWord::new(), thread: PhantomData, content: UnsafeCell::new(value) }
    }

    /// Returns the content of a cell that is owned, so not part of an object yet.
    ///
    /// ```
    /// assert_eq!(gc_core::GcCell::new(1).into_inner(), 1);
    /// ```
    #[inline]
    #[must_use]
    pub fn into_inner(self) -> T {
        self.content.into_inner()
    }

    /// Takes the lock, after waiting for other mutators if necessary.
    #[inline(always)]
    #[track_caller]
    fn lock(&self, user: CellUser, wanted: Access) {
        let taken = match wanted {
            Access::Read => self.word.try_read(user),
            Access::Write => self.word.try_write(user),
        };
        if let Err(conflict) = taken {
            self.wait(user, wanted, conflict);
        }
    }

    /// Waits until the lock can be taken, and takes it. Panics if a guard of this mutator is in the
    /// way, or if the wait is longer than [`LONG`].
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn wait(&self, user: CellUser, wanted: Access, mut conflict: CellConflict) {
        let start = Instant::now();
        let mut turns = 0_u32;
        loop {
            let hopeless = match conflict {
                CellConflict::OwnWriter | CellConflict::TooManyReaders => true,
                CellConflict::Readers => user.exclusive(),
                CellConflict::Writer(_) | CellConflict::WriterWaits => false,
            };
            let waited = if turns > spins() { start.elapsed() } else { Duration::ZERO };
            if hopeless || waited > LONG {
                self.word.set_waits(user, false);
                Self::conflict(wanted, conflict);
            }
            if conflict == CellConflict::Readers && matches!(wanted, Access::Write) {
                self.word.set_waits(user, true);
            }
            // The thread that holds the lock runs, or waits for a core: it cannot reach a safepoint while it has a guard.
            if turns < spins() {
                spin_loop()
            } else {
                std::thread::yield_now()
            }
            turns = turns.saturating_add(1);
            let taken = match wanted {
                // The writer may be waiting for a guard of this very thread.
                Access::Read if waited > COURTESY => self.word.try_read_first(user),
                Access::Read => self.word.try_read(user),
                Access::Write => self.word.try_write(user),
            };
            match taken {
                Ok(()) => return,
                Err(found) => conflict = found,
            }
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn conflict(wanted: Access, conflict: CellConflict) -> ! {
        panic!("{}", BorrowError::new::<T>(wanted, conflict))
    }
}

/// How long a reader lets a waiting writer go first.
const COURTESY: Duration = Duration::from_millis(2);

/// Each method has its bound, so that a content that is not traced is an error about that, not
/// about a method that is missing.
impl<T> GcCell<T> {
    /// Returns a copy of the content. With one mutator, this costs a load and a compare more than a
    /// plain read; with several, or during marking, it takes a lock.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::{Gc, GcCell};
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(Some(m.alloc_str("Ada"))));
    /// assert_eq!(cell.get(&m).as_deref(), Some("Ada"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn get<'gc>(&self, mutator: &'gc Mutator) -> T
    where
        T: Trace<At<'gc> = T> + Copy,
    {
        let user = mutator.cell_user();
        if user.exclusive() {
            if let Err(conflict) = self.word.readable(user) {
                Self::conflict(Access::Read, conflict);
            }
            // SAFETY: `readable` found no writer, and none can begin: this thread runs the only mutator.
            return unsafe { *self.content.get() };
        }
        self.lock(user, Access::Read);
        // SAFETY: the word counts this reader.
        let value = unsafe { *self.content.get() };
        self.word.end_read(user.exclusive());
        value
    }

    /// Replaces the content, through the write barrier. The old content is dropped now, on this
    /// thread.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(1));
    /// cell.set(&m, 2);
    /// assert_eq!(cell.get(&m), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn set<'gc>(&self, mutator: &'gc Mutator, value: T)
    where
        T: Trace<At<'gc> = T>,
    {
        drop(self.replace(mutator, value));
    }

    /// Replaces the content, through the write barrier, and returns what was there.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(vec![1]));
    /// assert_eq!(cell.replace(&m, vec![2, 3]), [1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn replace<'gc>(&self, mutator: &'gc Mutator, value: T) -> T
    where
        T: Trace<At<'gc> = T>,
    {
        let user = mutator.cell_user();
        if user.exclusive() {
            if let Err(conflict) = self.word.writable(user) {
                Self::conflict(Access::Write, conflict);
            }
            self.barrier(mutator);
            // SAFETY: `writable` found no guard, this thread runs the only mutator, and no user code runs before the replacement is done.
            return unsafe { self.content.get().replace(value) };
        }
        self.lock(user, Access::Write);
        self.barrier(mutator);
        // SAFETY: the word names this writer.
        let old = unsafe { self.content.get().replace(value) };
        self.word.end_write(user.exclusive());
        old
    }

    /// Returns the content and leaves the default in its place.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(vec![1]));
    /// assert_eq!((cell.take(&m), cell.take(&m)), (vec![1], vec![]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn take<'gc>(&self, mutator: &'gc Mutator) -> T
    where
        T: Trace<At<'gc> = T> + Default,
    {
        self.replace(mutator, T::default())
    }

    /// Borrows the content for reading. The guard borrows the mutator too (`'gc: 'a`), so no guard
    /// lives across a safepoint.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(vec![m.alloc(1)]));
    /// let (one, other) = (cell.borrow(&m), cell.borrow(&m));
    /// assert_eq!(one.len(), other.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn borrow<'a, 'gc: 'a>(&'a self, mutator: &'gc Mutator) -> GcCellRef<'a, T>
    where
        T: Trace<At<'gc> = T>,
    {
        let user = mutator.cell_user();
        self.lock(user, Access::Read);
        // SAFETY: the word counts this reader.
        unsafe { GcCellRef::new(&self.word, self.content.get(), user.exclusive()) }
    }

    /// Borrows the content for writing. The guard borrows the mutator too, as the guard of
    /// [`borrow`](Self::borrow) does. The write barrier runs once, for everything that is written
    /// through the guard.
    ///
    /// # Panics
    ///
    /// As [`GcCell`] says.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(Vec::new()));
    /// for i in 0..3 {
    ///     cell.borrow_mut(&m).push(m.alloc(i));
    /// }
    /// assert_eq!(cell.borrow(&m).len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn borrow_mut<'a, 'gc: 'a>(&'a self, mutator: &'gc Mutator) -> GcCellMut<'a, T>
    where
        T: Trace<At<'gc> = T>,
    {
        let user = mutator.cell_user();
        self.lock(user, Access::Write);
        self.barrier(mutator);
        // SAFETY: the word names this writer.
        unsafe { GcCellMut::new(&self.word, self.content.get(), user.exclusive()) }
    }

    /// Borrows the content for reading, or returns an error if a write guard is alive, of this
    /// thread or another one. Waits for nobody.
    ///
    /// # Errors
    ///
    /// The error says what is in the way.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(7));
    /// assert_eq!(*cell.try_borrow(&m)?, 7);
    /// let guard = cell.borrow_mut(&m);
    /// assert!(cell.try_borrow(&m).is_err());
    /// # drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_borrow<'a, 'gc: 'a>(&'a self, mutator: &'gc Mutator) -> Result<GcCellRef<'a, T>, BorrowError>
    where
        T: Trace<At<'gc> = T>,
    {
        let user = mutator.cell_user();
        // A writer that waits has no guard.
        self.word.try_read_first(user).map_err(|conflict| BorrowError::new::<T>(Access::Read, conflict))?;
        // SAFETY: the word counts this reader.
        Ok(unsafe { GcCellRef::new(&self.word, self.content.get(), user.exclusive()) })
    }

    /// Borrows the content for writing, or returns an error if a guard is alive, of this thread or
    /// another one. Waits for nobody but the thread that is marking the heap, if that may be
    /// reading the cell, and for that 2 ms at most. So while the heap is being marked, a cell of a
    /// map with very many entries, which is traced in one go, may be refused though no guard is
    /// alive.
    ///
    /// # Errors
    ///
    /// The error says what is in the way.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(vec![1]));
    /// cell.try_borrow_mut(&m)?.push(2);
    /// let guard = cell.borrow(&m);
    /// assert!(cell.try_borrow_mut(&m).is_err());
    /// # drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_borrow_mut<'a, 'gc: 'a>(&'a self, mutator: &'gc Mutator) -> Result<GcCellMut<'a, T>, BorrowError>
    where
        T: Trace<At<'gc> = T>,
    {
        let user = mutator.cell_user();
        if let Err(conflict) = self.word.try_write(user) {
            self.wait_for_marker(mutator, conflict)
                .map_err(|conflict| BorrowError::new::<T>(Access::Write, conflict))?;
        }
        self.barrier(mutator);
        // SAFETY: the word names this writer.
        Ok(unsafe { GcCellMut::new(&self.word, self.content.get(), user.exclusive()) })
    }

    /// Waits until the lock can be taken for writing, if the reader that is in the way may be the
    /// thread that marks the heap, and takes it.
    #[cold]
    #[inline(never)]
    fn wait_for_marker(&self, mutator: &Mutator, mut conflict: CellConflict) -> Result<(), CellConflict> {
        let (user, start) = (mutator.cell_user(), Instant::now());
        while conflict == CellConflict::Readers && mutator.local().barrier.is_marking() && start.elapsed() < COURTESY {
            std::thread::yield_now();
            match self.word.try_write(user) {
                Ok(()) => return Ok(()),
                Err(found) => conflict = found,
            }
        }
        Err(conflict)
    }
}

impl<T: Trace> GcCell<T> {
    #[inline(always)]
    fn barrier(&self, mutator: &Mutator) {
        if T::HAS_GC {
            mutator.before_cell(&self.word, TypeInfoOf::<T>::SIZED);
        }
    }
}

/// Prints the type only, as reading takes the mutator.
impl<T> fmt::Debug for GcCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcCell<{}>", core::any::type_name::<T>())
    }
}

impl<T: Default> Default for GcCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for GcCell<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

// SAFETY: the same layout under every lifetime (`repr(C)`, a word and the content); the content is reported with its word;
// `HAS_CELL` says that it is a cell, and its content holds no cell ([trace.cells-inline]).
unsafe impl<T: Trace> Trace for GcCell<T> {
    type At<'a> = GcCell<T::At<'a>>;
    type Static = GcCell<T::Static>;
    const HAS_CELL: bool = true;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        const {
            assert!(
                !T::HAS_CELL,
                "a Slot or GcCell may not live inside a GcCell: use a Slot or a GcCell for each field instead"
            );
        }
        if T::HAS_GC {
            // SAFETY: the caller passes a valid cell, and the content lies in it.
            let content = unsafe { &raw mut (*this).content }.cast::<T>();
            // SAFETY: `this` starts with the word (`repr(C)`), so both are parts of one cell of the value that is being traced.
            unsafe { visitor.cell::<T>(this.cast(), content) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::{GcCell, Heap};

    use super::COURTESY;

    /// A reader that may be the thread that marks is waited for, and not for ever: here it is a
    /// guard of this thread, which does not end.
    #[test]
    fn a_reader_that_may_be_the_marker_is_waited_for() {
        let heap = Heap::builder().build().unwrap();
        let m = heap.attach().unwrap();
        let cell = m.alloc(GcCell::new(7_u64));
        let guard = cell.borrow(&m);
        let barrier = &m.local().barrier;
        barrier.set_marking(true);
        let start = Instant::now();
        let refused = cell.try_borrow_mut(&m).is_err();
        let waited = start.elapsed();
        barrier.set_marking(false);
        assert!(refused && waited >= COURTESY, "{waited:?}");
        assert!(cell.try_borrow_mut(&m).is_err());
        drop(guard);
        assert!(cell.try_borrow_mut(&m).is_ok());
    }
}
