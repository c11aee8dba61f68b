//! Guards of cells. A guard has the content, or a part of it, and the word by which it ends.

use core::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};

use crate::object::CellWord;

/// A read guard of a [`GcCell`](crate::GcCell): see [`borrow`](crate::GcCell::borrow).
#[must_use = "the borrow ends when this is dropped"]
pub struct GcCellRef<'a, T: ?Sized> {
    content: NonNull<T>,
    word: &'a CellWord,
    exclusive: bool,
    borrow: PhantomData<&'a T>,
}

/// A write guard of a [`GcCell`](crate::GcCell): see [`borrow_mut`](crate::GcCell::borrow_mut).
#[must_use = "the borrow ends when this is dropped"]
pub struct GcCellMut<'a, T: ?Sized> {
    content: NonNull<T>,
    word: &'a CellWord,
    exclusive: bool,
    /// What is written may be of no other type, nor of another lifetime.
    borrow: PhantomData<&'a mut T>,
}

impl<'a, T> GcCellRef<'a, T> {
    /// # Safety
    ///
    /// The word is that of a cell with this content, and counts this reader.
    #[inline(always)]
    pub(super) unsafe fn new(word: &'a CellWord, content: *mut T, exclusive: bool) -> Self {
        // SAFETY: the content of a cell, which lives for `'a` as its word does.
        let content = unsafe { NonNull::new_unchecked(content) };
        Self { content, word, exclusive, borrow: PhantomData }
    }
}

impl<'a, T> GcCellMut<'a, T> {
    /// # Safety
    ///
    /// The word is that of a cell with this content, and names this writer.
    #[inline(always)]
    pub(super) unsafe fn new(word: &'a CellWord, content: *mut T, exclusive: bool) -> Self {
        // SAFETY: the content of a cell, which lives for `'a` as its word does.
        let content = unsafe { NonNull::new_unchecked(content) };
        Self { content, word, exclusive, borrow: PhantomData }
    }
}

impl<'a, T: ?Sized> GcCellRef<'a, T> {
    /// Returns a guard of a part of the content. An associated function, so that it hides no method
    /// of the content.
    ///
    /// ```
    /// # use gc_core::{GcCell, GcCellRef};
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new(vec![1, 2, 3]));
    /// let last = GcCellRef::map(cell.borrow(&m), |content| &content[2]);
    /// assert_eq!(*last, 3);
    /// # drop(last);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> GcCellRef<'a, U> {
        let content = NonNull::from(part(&this));
        let this = ManuallyDrop::new(this);
        GcCellRef { content, word: this.word, exclusive: this.exclusive, borrow: PhantomData }
    }
}

impl<'a, T: ?Sized> GcCellMut<'a, T> {
    /// Returns a guard of a part of the content. An associated function, so that it hides no method
    /// of the content.
    ///
    /// ```
    /// # use gc_core::{GcCell, GcCellMut};
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// let cell = m.alloc(GcCell::new((1, "one".to_owned())));
    /// let mut name = GcCellMut::map(cell.borrow_mut(&m), |content| &mut content.1);
    /// name.push('!');
    /// drop(name);
    /// assert_eq!(cell.borrow(&m).1, "one!");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn map<U: ?Sized>(mut this: Self, part: impl FnOnce(&mut T) -> &mut U) -> GcCellMut<'a, U> {
        let content = NonNull::from(part(&mut this));
        let this = ManuallyDrop::new(this);
        GcCellMut { content, word: this.word, exclusive: this.exclusive, borrow: PhantomData }
    }
}

impl<T: ?Sized> Deref for GcCellRef<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the content of a cell, or a part of it. The word counts this reader, so there is no writer.
        unsafe { self.content.as_ref() }
    }
}

impl<T: ?Sized> Drop for GcCellRef<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.word.end_read(self.exclusive);
    }
}

impl<T: ?Sized> Deref for GcCellMut<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the content of a cell, or a part of it. The word names this writer, so there is no other guard.
        unsafe { self.content.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for GcCellMut<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`.
        unsafe { self.content.as_mut() }
    }
}

impl<T: ?Sized> Drop for GcCellMut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.word.end_write(self.exclusive);
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for GcCellRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for GcCellMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for GcCellRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for GcCellMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
