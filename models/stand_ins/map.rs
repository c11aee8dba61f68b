//! What a map needs of the heap: nothing is moved, freed or refused.

use core::{convert::Infallible, marker::PhantomData, ops::Deref, ptr};

use crate::sync::atomic::{AtomicPtr, Ordering};

/// Every type is traced.
pub(crate) trait Trace {
    type At<'a>;
}

impl<T> Trace for T {
    type At<'a> = T;
}

/// The pointer to an object, which is leaked: one word, so that it can be compared and exchanged.
#[expect(clippy::borrowed_box, reason = "the pointer to a slice has one word, too")]
pub(crate) struct Gc<'gc, T: ?Sized>(&'gc Box<T>);

impl<'gc, T: ?Sized> Gc<'gc, T> {
    pub(crate) fn as_ref(this: Self) -> &'gc T {
        this.0
    }

    pub(crate) fn ptr_eq(this: Self, other: Self) -> bool {
        ptr::eq(this.0, other.0)
    }
}

impl<T: ?Sized> Clone for Gc<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Gc<'_, T> {}

impl<T: ?Sized> Deref for Gc<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

/// A slot, with the orders of the production file.
pub(crate) struct Slot<'gc, T: ?Sized> {
    pointer: AtomicPtr<Box<T>>,
    place: PhantomData<Gc<'gc, T>>,
}

impl<'gc, T: ?Sized> Slot<'gc, T> {
    pub(crate) fn new(value: Option<Gc<'gc, T>>) -> Self {
        Self { pointer: AtomicPtr::new(pointer(value)), place: PhantomData }
    }

    #[cfg(not(gc_shuttle))]
    pub(crate) fn null() -> Self {
        Self::new(None)
    }

    #[cfg(gc_shuttle)]
    pub(crate) const fn null() -> Self {
        Self { pointer: AtomicPtr::new(ptr::null_mut()), place: PhantomData }
    }

    pub(crate) fn get(&self) -> Option<Gc<'gc, T>> {
        object(self.pointer.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, _: &'gc Mutator, value: Option<Gc<'gc, T>>) {
        self.pointer.store(pointer(value), Ordering::Release);
    }

    pub(crate) fn compare_exchange(
        &self,
        _: &'gc Mutator,
        current: Option<Gc<'gc, T>>,
        new: Option<Gc<'gc, T>>,
    ) -> Result<Option<Gc<'gc, T>>, Option<Gc<'gc, T>>> {
        let (current, new) = (pointer(current), pointer(new));
        self.pointer.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(object).map_err(object)
    }
}

impl<'gc, T: ?Sized> From<Gc<'gc, T>> for Slot<'gc, T> {
    fn from(value: Gc<'gc, T>) -> Self {
        Self::new(Some(value))
    }
}

fn pointer<T: ?Sized>(value: Option<Gc<'_, T>>) -> *mut Box<T> {
    value.map_or(ptr::null_mut(), |object| ptr::from_ref(object.0).cast_mut())
}

fn object<'gc, T: ?Sized>(pointer: *mut Box<T>) -> Option<Gc<'gc, T>> {
    // SAFETY: null, or an object that was leaked.
    unsafe { pointer.as_ref() }.map(Gc)
}

pub(crate) struct Leaf<T>(pub(crate) T);

impl<T> Deref for Leaf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

pub(crate) struct Mutator;

impl Mutator {
    pub(crate) fn local(&self) -> &Self {
        self
    }

    pub(crate) fn alloc<'gc, T: 'gc>(&'gc self, value: T) -> Gc<'gc, T> {
        Gc(Box::leak(Box::new(Box::new(value))))
    }

    pub(crate) fn try_alloc<'gc, T: 'gc>(&'gc self, value: T) -> Result<Gc<'gc, T>, AllocError<T>> {
        Ok(self.alloc(value))
    }

    pub(crate) fn alloc_slice_with<'gc, T: 'gc>(&'gc self, len: usize, make: impl FnMut(usize) -> T) -> Gc<'gc, [T]> {
        Gc(Box::leak(Box::new((0..len).map(make).collect())))
    }

    pub(crate) fn try_alloc_slice_with<'gc, T: 'gc, F: FnMut(usize) -> T>(
        &'gc self,
        len: usize,
        make: F,
    ) -> Result<Gc<'gc, [T]>, AllocError<F>> {
        Ok(self.alloc_slice_with(len, make))
    }
}

pub(crate) struct AllocError<T> {
    pub(crate) value: T,
    pub(crate) refused: Infallible,
}

impl<T> AllocError<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> AllocError<U> {
        AllocError { value: change(self.value), refused: self.refused }
    }
}

pub(crate) mod mutator {
    pub(crate) use super::AllocError;

    pub(crate) mod allocate {
        use core::convert::Infallible;

        use super::super::Mutator;

        pub(crate) fn refuse(_: &Mutator, refused: Infallible) -> ! {
            match refused {}
        }
    }
}
