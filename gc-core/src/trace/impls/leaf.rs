//! `Leaf`: the wrapper that makes a traced type of any type without pointers into the heap.

use core::{
    fmt,
    ops::{Deref, DerefMut},
};

use super::{__private::IsLeaf, nothing_to_trace};
use crate::trace::Trace;

/// A value without pointers into the heap, of any type that is `'static + Send + Sync`.
///
/// For types that have no [`Trace`](crate::Trace) impl of their own, as objects and inside
/// containers. (A field may instead be marked `#[trace(skip)]`, which needs no wrapper.) The
/// collector never looks inside. The value is dropped some time after its object has died, on a
/// thread of the heap.
///
/// It costs nothing, and dereferences to the value.
///
/// ```
/// use gc_core::{Leaf, Trace};
/// use std::process::ExitStatus;
///
/// #[derive(Trace)]
/// struct Job {
///     ended: Option<Leaf<ExitStatus>>,
/// }
///
/// let job = Job { ended: Some(Leaf(ExitStatus::default())) };
/// assert!(job.ended.is_some_and(|status| status.success()));
/// ```
///
/// A type that is not a leaf does not compile. Here a pointer would be hidden from the collector:
///
/// ```compile_fail,E0277
/// # use gc_core::{Gc, Leaf, Trace};
/// #[derive(Trace)]
/// struct Hidden {
///     pointer: Leaf<Gc<'static, u64>>,
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Leaf<T>(pub T);

// SAFETY: the content is a leaf. It has no pointers, and is the same under every lifetime.
unsafe impl<T: IsLeaf> Trace for Leaf<T> {
    nothing_to_trace!();
}

impl<T> Deref for Leaf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Leaf<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Leaf<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: fmt::Display> fmt::Display for Leaf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
