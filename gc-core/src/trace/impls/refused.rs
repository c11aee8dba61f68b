//! Cells, locks and counts of std, which hold no pointers into the heap, with messages that say
//! what does.
//!
//! A lock of what is `Send` is a leaf. A cell and an `Rc` never are: their impls want of the
//! content what no type has, and are there for the message alone. Without them, the compiler would
//! say that there is none, and not what to write.

use core::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::{
    rc,
    sync::{Mutex, OnceLock, RwLock},
};

use super::{
    __private::{IsLeaf, LeafInMutex, LeafInStdLock, NotInStdCells, NotInStdCounts},
    nothing_to_trace,
};
use crate::trace::Trace;

/// The proof that the types of the impls below are leaves themselves, where there are any
/// ([leaf.itself]).
fn _are_leaves<T: LeafInMutex, S: LeafInStdLock>() {
    fn is_leaf<T: IsLeaf>() {}
    is_leaf::<Mutex<T>>();
    is_leaf::<RwLock<S>>();
    is_leaf::<OnceLock<S>>();
}

// SAFETY: a leaf, as `_are_leaves` proves: the same under every lifetime, with nothing to report.
unsafe impl<T: LeafInMutex> Trace for Mutex<T> {
    nothing_to_trace!();
}

// SAFETY: as above.
unsafe impl<T: LeafInStdLock> Trace for RwLock<T> {
    nothing_to_trace!();
}

// SAFETY: as above.
unsafe impl<T: LeafInStdLock> Trace for OnceLock<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCells> Trace for Cell<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCells> Trace for RefCell<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCells> Trace for OnceCell<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCells> Trace for UnsafeCell<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCounts + ?Sized> Trace for rc::Rc<T> {
    nothing_to_trace!();
}

#[doc(hidden)]
// SAFETY: there is no such `T`.
unsafe impl<T: NotInStdCounts + ?Sized> Trace for rc::Weak<T> {
    nothing_to_trace!();
}
