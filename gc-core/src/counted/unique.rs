//! The only reference: access to write, and getting the contents out.
//!
//! The thread that made an object knows whether its reference is the only one; so does everybody once the counts are merged. Another thread
//! never reads what the owner counts: if the owner is blocked or gone, it merges the counts first; if the owner runs, it is told
//! that there may be another reference.

use core::mem::{ManuallyDrop, forget};

use crate::{trace::Acyclic, workers::AbortOnUnwind};

use super::{
    Counted,
    contents::{self, Contents},
    count::{Count, Only},
    current::{current, merge},
    reclaim,
};

impl<T: Contents + ?Sized> Counted<T> {
    /// What `look` finds, as far as this thread can know: where only the owner does, the counts are merged first.
    fn known(&self, mut look: impl FnMut(&Count) -> Only) -> bool {
        loop {
            match look(self.count()) {
                Only::Yes => return true,
                Only::No => return false,
                Only::Unknown(owner) => {
                    if !merge(owner, self.count()) {
                        return false;
                    }
                }
            }
        }
    }

    /// Whether this is the only handle, weak ones counted.
    fn is_only(&mut self) -> bool {
        self.known(|count| count.is_only(current()))
    }

    /// Makes the object dead if this is the only reference, weak handles not counted: the contents are the caller's to move out. `Some` if
    /// so, and then whether the caller has to free the memory when they are. The reference is gone.
    fn claim(&mut self) -> Option<bool> {
        let mut memory = false;
        self.known(|count| count.claim(current(), &mut memory)).then_some(memory)
    }

    /// The contents, to write, if this is the only handle, weak ones counted.
    ///
    /// `None` also on another thread than the one that made the object, while that runs its mutator and has not let go of the object: there
    /// may be references that only it knows of.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let mut one = Counted::new(1);
    /// *Counted::get_mut(&mut one).unwrap() += 1;
    /// let two = one.clone();
    /// assert!(Counted::get_mut(&mut one).is_none());
    /// assert_eq!(*two, 2);
    /// ```
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if this.is_only() {
            // SAFETY: an object of this type, and the only handle to it, which is borrowed as long.
            Some(unsafe { T::at(this.count.cast()).as_mut() })
        } else {
            None
        }
    }
}

impl<T: Acyclic> Counted<T> {
    /// The contents, if this is the only reference; else the reference back. Weak handles find nothing afterwards.
    ///
    /// # Errors
    ///
    /// There are other references. Also on another thread than the one that made the object, while that runs its mutator and has not let go
    /// of the object, or has been asked about it and has not been at a safepoint since.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(String::from("one"));
    /// let two = one.clone();
    /// let one = Counted::try_unwrap(one).unwrap_err();
    /// drop(two);
    /// assert_eq!(Counted::try_unwrap(one).unwrap(), "one");
    /// ```
    pub fn try_unwrap(mut this: Self) -> Result<T, Self> {
        match this.claim() {
            // SAFETY: claimed just now.
            Some(memory) => Ok(unsafe { this.into_contents(memory) }),
            None => Err(this),
        }
    }

    /// Moves the contents out, and frees the memory if that is to be freed here.
    ///
    /// # Safety
    ///
    /// The object is dead and the caller's to end, and its contents are whole; the reference is gone.
    unsafe fn into_contents(self, memory: bool) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: whole, and the caller's to move out.
        let value = unsafe { T::at(this.count.cast()).read() };
        if memory {
            // SAFETY: dead and the caller's; the contents are gone.
            unsafe { reclaim::release_memory::<T>(this.count) };
        }
        value
    }

    /// The contents, if this was the last reference; else the reference is dropped.
    ///
    /// If references are given up by this on several threads, one gets the contents, as for `Arc`, provided that the thread that
    /// made the object is blocked or gone, or has let go of it. While that runs, another thread gets `None`, and the object may go
    /// at a safepoint.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(1);
    /// let two = one.clone();
    /// assert_eq!(Counted::into_inner(one), None);
    /// assert_eq!(Counted::into_inner(two), Some(1));
    /// ```
    pub fn into_inner(this: Self) -> Option<T> {
        let mut this = match Self::try_unwrap(this) {
            Ok(value) => return Some(value),
            Err(this) => ManuallyDrop::new(this),
        };
        if !this.release() {
            return None;
        }
        // SAFETY: dead and ours: whole until we move it out ([counted.whole]).
        Some(unsafe { ManuallyDrop::into_inner(this).into_contents(true) })
    }
}

impl<T: CloneContents + ?Sized> Counted<T> {
    /// The contents, to write: in place if this is the only reference, else of a clone that this refers to from then on.
    ///
    /// Where there are weak handles only, the contents are moved and the weak handles find nothing afterwards. On another thread than the one
    /// that made the object, while that runs its mutator and has not let go of the object, the contents are cloned.
    ///
    /// # Panics
    ///
    /// If `clone` does; nothing is changed.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let mut one = Counted::new(1);
    /// let two = one.clone();
    /// *Counted::make_mut(&mut one) += 1;
    /// assert_eq!((*one, *two), (2, 1));
    ///
    /// let mut text: Counted<str> = "one".into();
    /// Counted::make_mut(&mut text).make_ascii_uppercase();
    /// assert_eq!(&*text, "ONE");
    /// ```
    pub fn make_mut(this: &mut Self) -> &mut T {
        if !this.is_only() {
            match this.claim() {
                Some(memory) => this.move_out(memory),
                None => *this = T::clone_contents(this),
            }
        }
        // SAFETY: an object of this type, and the only handle to it, or made just now.
        unsafe { T::at(this.count.cast()).as_mut() }
    }

    /// Moves the contents, which were claimed, to an object of their own.
    #[cold]
    fn move_out(&mut self, memory: bool) {
        // A panic would leave a handle without a reference.
        let bomb = AbortOnUnwind;
        let old = self.count;
        // SAFETY: whole ([counted.whole]), and ours to move out.
        self.count = unsafe { contents::moved::<T>(Count::new(current()), old) };
        if memory {
            // SAFETY: dead and ours; the contents are gone.
            unsafe { reclaim::release_memory::<T>(old) };
        }
        forget(bomb);
    }
}

impl<T: Acyclic + Clone> Counted<T> {
    /// The contents, cloned if there are other references. Weak handles find nothing afterwards if there are none.
    ///
    /// On another thread than the one that made the object they may be cloned where [`try_unwrap`](Self::try_unwrap) fails.
    ///
    /// # Panics
    ///
    /// If `clone` does.
    ///
    /// ```
    /// use gc_core::Counted;
    ///
    /// let one = Counted::new(String::from("one"));
    /// assert_eq!(Counted::unwrap_or_clone(one.clone()), "one");
    /// assert_eq!(Counted::unwrap_or_clone(one), "one");
    /// ```
    pub fn unwrap_or_clone(this: Self) -> T {
        Self::try_unwrap(this).unwrap_or_else(|this| T::clone(&this))
    }
}

/// [`Contents`] that can be cloned: every `T: Clone`, slices of such, and `str`. For [`Counted::make_mut`]; nobody implements it by
/// hand.
///
/// # Safety
///
/// What `clone_contents` returns is the only handle to its object, weak ones counted.
pub unsafe trait CloneContents: Contents {
    /// A new object with a clone of the contents.
    #[doc(hidden)]
    fn clone_contents(&self) -> Counted<Self>;
}

// SAFETY: of an object made here.
unsafe impl<T: Acyclic + Clone> CloneContents for T {
    fn clone_contents(&self) -> Counted<T> {
        Counted::new(self.clone())
    }
}

// SAFETY: as above.
unsafe impl<T: Acyclic + Clone> CloneContents for [T] {
    fn clone_contents(&self) -> Counted<[T]> {
        self.into()
    }
}

// SAFETY: as above.
unsafe impl CloneContents for str {
    fn clone_contents(&self) -> Counted<str> {
        self.into()
    }
}
