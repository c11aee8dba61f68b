//! The only reference: write access, and moving the contents out.
//!
//! The thread that made an object knows whether its reference is the only one. Once the counts are
//! merged, every thread knows. Another thread never reads what the owner counts. If the owner is
//! blocked or gone, the other thread merges the counts first. If the owner runs, the other thread
//! assumes that there may be another reference.

use core::mem::{ManuallyDrop, forget};

use crate::{trace::Acyclic, workers::AbortOnUnwind};

use super::{
    Counted,
    contents::{self, Contents},
    count::{Count, Only},
    current::{current, maker, merge},
    reclaim,
};

impl<T: Contents + ?Sized> Counted<T> {
    /// Returns what `look` finds, as far as this thread can know. If only the owner knows, merges
    /// the counts first.
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

    /// Returns whether this is the only handle, weak handles included.
    fn is_only(&mut self) -> bool {
        self.known(|count| count.is_only(current()))
    }

    /// Makes the object dead if this is the only reference, not counting weak handles. The contents
    /// are then the caller's to move out, and the reference is gone. Returns `Some` in that case,
    /// with whether the caller has to free the memory afterwards.
    fn claim(&mut self) -> Option<bool> {
        let mut memory = false;
        self.known(|count| count.claim(current(), &mut memory)).then_some(memory)
    }

    /// Returns the contents for writing, if this is the only handle, weak handles included.
    ///
    /// Also returns `None` on a thread other than the one that made the object, while that one runs
    /// its mutator and still counts references to the object itself: there may be references that
    /// only it knows of.
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
            // SAFETY: an object of this type. This is the only handle to it, and is borrowed mutably as long.
            Some(unsafe { T::at(this.count.cast()).as_mut() })
        } else {
            None
        }
    }
}

impl<T: Acyclic> Counted<T> {
    /// Returns the contents if this is the only reference, and the reference otherwise. Weak
    /// handles find nothing afterwards.
    ///
    /// # Errors
    ///
    /// There are other references. It also fails on a thread other than the one that made the
    /// object, while that one runs its mutator and still counts references to the object itself, or
    /// has been asked to merge and has not reached a safepoint since.
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
            // SAFETY: `claim` has made the object dead and the contents ours, and the reference is gone.
            Some(memory) => Ok(unsafe { this.into_contents(memory) }),
            None => Err(this),
        }
    }

    /// Moves the contents out, and frees the memory if `memory` says so.
    ///
    /// # Safety
    ///
    /// The object is dead and the caller's to reclaim. Its contents are valid, and the reference is
    /// gone.
    unsafe fn into_contents(self, memory: bool) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the contents are valid and the caller's to move out.
        let value = unsafe { T::at(this.count.cast()).read() };
        if memory {
            // SAFETY: the object is dead and the caller's, and its contents are gone.
            unsafe { reclaim::release_memory::<T>(this.count) };
        }
        value
    }

    /// Returns the contents if this was the last reference, and drops the reference otherwise.
    ///
    /// If several threads give their references up by this function, one of them gets the contents,
    /// as for `Arc`. This requires that the thread that made the object is blocked or gone, or has
    /// released all references that it counted. While it runs and has not, another thread gets
    /// `None`, and the object may be reclaimed at a safepoint.
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
        // SAFETY: dead and ours, so the contents are valid until we move them out ([counted.whole]). The reference is released.
        Some(unsafe { ManuallyDrop::into_inner(this).into_contents(true) })
    }
}

impl<T: CloneContents + ?Sized> Counted<T> {
    /// Returns the contents for writing: in place if this is the only reference. Otherwise those of
    /// a clone, which this handle refers to from then on.
    ///
    /// If the only other handles are weak, the contents are moved, and the weak handles find
    /// nothing afterwards. On a thread other than the one that made the object, the contents are
    /// cloned while that one runs its mutator and still counts references to the object itself.
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
        // SAFETY: an object of this type. This is the only handle to it, or the object was made just now.
        unsafe { T::at(this.count.cast()).as_mut() }
    }

    /// Moves the contents, which were claimed, to a new object.
    #[cold]
    fn move_out(&mut self, memory: bool) {
        // A panic would leave a handle without a reference, so it aborts.
        let bomb = AbortOnUnwind;
        let old = self.count;
        // SAFETY: the contents are valid ([counted.whole]) and ours to move out.
        self.count = unsafe { contents::moved::<T>(Count::new(maker()), old) };
        if memory {
            // SAFETY: the object is dead and ours, and its contents are gone.
            unsafe { reclaim::release_memory::<T>(old) };
        }
        forget(bomb);
    }
}

impl<T: Acyclic + Clone> Counted<T> {
    /// Returns the contents, cloned if there are other references. If there are none, weak handles
    /// find nothing afterwards.
    ///
    /// On a thread other than the one that made the object, they may be cloned where
    /// [`try_unwrap`](Self::try_unwrap) fails.
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

/// [`Contents`] that can be cloned: every `T: Clone`, slices of such types, and `str`. A bound for
/// [`Counted::make_mut`]; it is not meant to be implemented by hand.
///
/// # Safety
///
/// What `clone_contents` returns is the only handle to its object, weak handles included.
pub unsafe trait CloneContents: Contents {
    /// Makes a new object with a clone of the contents.
    #[doc(hidden)]
    fn clone_contents(&self) -> Counted<Self>;
}

// SAFETY: the object is made here, and no other handle to it exists.
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
