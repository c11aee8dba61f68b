//! Borrowing the cell that a pointer leads to: the guard lives until the next safepoint, not only
//! as long as a copy of the pointer.

use crate::{Gc, Mutator, trace::Trace};

use super::{BorrowError, GcCell, GcCellMut, GcCellRef};

impl<'gc, T: Trace<At<'gc> = T> + 'gc> Gc<'gc, GcCell<T>> {
    /// As [`GcCell::borrow`], for longer than this copy of the pointer lives.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let root = m.root(m.alloc(GcCell::new(vec![1])));
    /// let content = root.get(&m).borrow(&m); // there is no variable for the pointer
    /// assert_eq!(content.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn borrow(self, mutator: &'gc Mutator) -> GcCellRef<'gc, T> {
        Gc::as_ref(self).borrow(mutator)
    }

    /// As [`GcCell::borrow_mut`], for longer than this copy of the pointer lives.
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let root = m.root(m.alloc(GcCell::new(vec![1])));
    /// let mut content = root.get(&m).borrow_mut(&m);
    /// content.push(2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn borrow_mut(self, mutator: &'gc Mutator) -> GcCellMut<'gc, T> {
        Gc::as_ref(self).borrow_mut(mutator)
    }

    /// As [`GcCell::try_borrow`], for longer than this copy of the pointer lives.
    ///
    /// # Errors
    ///
    /// As [`GcCell::try_borrow`].
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let root = m.root(m.alloc(GcCell::new(7)));
    /// let content = root.get(&m).try_borrow(&m)?;
    /// assert_eq!(*content, 7);
    /// # drop(content);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_borrow(self, mutator: &'gc Mutator) -> Result<GcCellRef<'gc, T>, BorrowError> {
        Gc::as_ref(self).try_borrow(mutator)
    }

    /// As [`GcCell::try_borrow_mut`], for longer than this copy of the pointer lives.
    ///
    /// # Errors
    ///
    /// As [`GcCell::try_borrow_mut`].
    ///
    /// ```
    /// # use gc_core::GcCell;
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let root = m.root(m.alloc(GcCell::new(7)));
    /// *root.get(&m).try_borrow_mut(&m)? += 1;
    /// assert_eq!(root.get(&m).get(&m), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_borrow_mut(self, mutator: &'gc Mutator) -> Result<GcCellMut<'gc, T>, BorrowError> {
        Gc::as_ref(self).try_borrow_mut(mutator)
    }
}
