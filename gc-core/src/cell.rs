//! `GcCell`: a mutable field that is not one pointer.
//!
//! A lock word and the content. The word's bits and what they mean are in `memory::words`; the barrier runs before a write begins.

use core::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use crate::{
    Mutator,
    collector::describe::Describe,
    memory::{CellConflict, CellWord},
    trace::{Trace, Visitor},
};

/// A mutable field of a traced type: an enum value, a `Vec`, a `HashMap`, anything but one pointer, which wants a
/// [`Slot`](crate::Slot).
///
/// [`get`](Self::get) and [`set`](Self::set) copy small values; [`borrow`](Self::borrow) and
/// [`borrow_mut`](Self::borrow_mut) hand out guards, as `RefCell` does. A guard ends before the next safepoint, and a
/// forgotten one counts no more after it.
///
/// A container in a cell is looked at as a whole in the next young collection after it was written: for big mutable
/// arrays of pointers use a slice object of slots, `Gc<[Slot<…>]>`.
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
/// Every access that conflicts with a guard panics and names the type.
#[repr(C)]
pub struct GcCell<T> {
    word: CellWord,
    /// Never `Send` or `Sync`.
    thread: PhantomData<*mut ()>,
    content: UnsafeCell<T>,
}

impl<T> GcCell<T> {
    /// A cell that holds `value`.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self { word: CellWord::new(), thread: PhantomData, content: UnsafeCell::new(value) }
    }

    /// The content of a cell that is no object's yet, or a root's.
    #[inline]
    pub fn into_inner(self) -> T {
        self.content.into_inner()
    }

    #[cold]
    #[inline(never)]
    fn conflict(wanted: &'static str, conflict: CellConflict) -> ! {
        let name = core::any::type_name::<T>();
        let found = match conflict {
            CellConflict::Writing => "a write guard of it is alive",
            CellConflict::Reading => "read guards of it are alive",
            CellConflict::TooManyReaders => "2^30 read guards of it were forgotten since the last safepoint",
        };
        panic!("GcCell<{name}>: expected to {wanted} it, but {found}: end the guard first")
    }
}

impl<T: Trace> GcCell<T> {
    /// A copy of the content. For one mutator a load and a compare more than a plain read.
    #[inline(always)]
    pub fn get<'gc>(&self, mutator: &'gc Mutator) -> T
    where
        T: Trace<At<'gc> = T> + Copy,
    {
        if let Err(conflict) = self.word.readable(mutator.stops()) {
            Self::conflict("copy", conflict);
        }
        // SAFETY: nobody writes the content, and nobody can begin to: this thread is here.
        unsafe { *self.content.get() }
    }

    /// Replaces the content.
    #[inline(always)]
    pub fn set<'gc>(&self, mutator: &'gc Mutator, value: T)
    where
        T: Trace<At<'gc> = T>,
    {
        drop(self.replace(mutator, value));
    }

    /// Replaces the content and returns what was there.
    #[inline(always)]
    pub fn replace<'gc>(&self, mutator: &'gc Mutator, value: T) -> T
    where
        T: Trace<At<'gc> = T>,
    {
        if let Err(conflict) = self.word.writable(mutator.stops()) {
            Self::conflict("write", conflict);
        }
        self.barrier(mutator);
        // SAFETY: no guard is alive, and no user code runs before the replacement is done.
        unsafe { self.content.get().replace(value) }
    }

    /// Takes the content and leaves the default.
    #[inline]
    pub fn take<'gc>(&self, mutator: &'gc Mutator) -> T
    where
        T: Trace<At<'gc> = T> + Default,
    {
        self.replace(mutator, T::default())
    }

    /// Borrows the content for reading.
    #[inline(always)]
    pub fn borrow<'gc>(&'gc self, mutator: &'gc Mutator) -> GcCellRef<'gc, T>
    where
        T: Trace<At<'gc> = T>,
    {
        if let Err(conflict) = self.word.try_read(mutator.stops()) {
            Self::conflict("read", conflict);
        }
        GcCellRef { cell: self }
    }

    /// Borrows the content for writing.
    #[inline(always)]
    pub fn borrow_mut<'gc>(&'gc self, mutator: &'gc Mutator) -> GcCellMut<'gc, T>
    where
        T: Trace<At<'gc> = T>,
    {
        if let Err(conflict) = self.word.try_write(mutator.stops()) {
            Self::conflict("write", conflict);
        }
        self.barrier(mutator);
        GcCellMut { cell: self }
    }

    #[inline(always)]
    fn barrier(&self, mutator: &Mutator) {
        if T::HAS_GC {
            mutator.before_cell(&self.word, Describe::<T>::SIZED);
        }
    }
}

/// A read guard of a [`GcCell`].
pub struct GcCellRef<'gc, T> {
    cell: &'gc GcCell<T>,
}

/// A write guard of a [`GcCell`].
pub struct GcCellMut<'gc, T> {
    cell: &'gc GcCell<T>,
}

impl<T> Deref for GcCellRef<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the word counts this reader, so there is no writer.
        unsafe { &*self.cell.content.get() }
    }
}

impl<T> Drop for GcCellRef<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.cell.word.end_read();
    }
}

impl<T> Deref for GcCellMut<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the word names this writer, so there is no other guard.
        unsafe { &*self.cell.content.get() }
    }
}

impl<T> DerefMut for GcCellMut<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`.
        unsafe { &mut *self.cell.content.get() }
    }
}

impl<T> Drop for GcCellMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.cell.word.end_write();
    }
}

impl<T: fmt::Debug> fmt::Debug for GcCellRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for GcCellMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The type only: reading takes the mutator.
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

// SAFETY: the same layout under every lifetime (`repr(C)`, a word and the content); the content is reported with its
// word; it is a cell itself, and its content holds none (I4).
unsafe impl<T: Trace> Trace for GcCell<T> {
    type At<'a> = GcCell<T::At<'a>>;
    type Static = GcCell<T::Static>;
    const HAS_CELL: bool = true;
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
            // SAFETY: a place in the cell.
            let content = unsafe { &raw mut (*this).content }.cast::<T>();
            // SAFETY: the word and the content of one cell of the value that is traced.
            unsafe { visitor.cell::<T>(this.cast(), content) }
        }
    }
}
