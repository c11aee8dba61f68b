//! What std types trace.
//!
//! Three kinds of type, a file each, and two rules that hold in all of them:
//!
//! - [`plain`]: leaves. Without pointers, the same under every lifetime, nothing to trace.
//! - [`inline`]: what holds its parts in itself. The parts are reported at their places.
//! - [`owned`]: what holds its parts in memory of its own. No cells in there (I4).
//! - **S1** A leaf is `'static + Send + Sync` *itself*, and each impl says so about the very type: a `Mutex` of a
//!   pointer into the heap is not `Send`, so it is no leaf and needs no rule of its own.
//! - **S2** Each parameter of a container is traced or a leaf. There is no impl for `Cell`, `RefCell`, `Rc`,
//!   `UnsafeCell`, `MaybeUninit`, raw pointers: a pointer written there would pass the barrier by.
//!
//! [`leaf`] has the wrapper that makes a leaf of any other type, [`acyclic`] which of all these are `Acyclic`, and
//! `__private` what the derive calls.

#[doc(hidden)]
#[path = "impls/private.rs"]
pub mod __private;
mod acyclic;
mod inline;
mod leaf;
mod owned;
mod plain;

pub use leaf::Leaf;
pub(crate) use owned::{NoCells, trace_each};

use super::{Trace, Visitor};

/// `Trace` for leaves. The where clause is the proof (S1), and the compiler checks it for each type.
macro_rules! leaves {
    ($($(#[$attribute:meta])* $t:ty $(where [$($parameter:tt)*])?),* $(,)?) => { $(
        $(#[$attribute])*
        #[diagnostic::do_not_recommend]
        // SAFETY: the type is `'static + Send + Sync` itself, which no pointer into the heap is; it is the same
        // under every lifetime, and there is nothing to report.
        unsafe impl $(<$($parameter)*>)? $crate::trace::Trace for $t
        where
            $t: 'static + Send + Sync,
        {
            type At<'a> = Self;
            type Static = Self;
            const HAS_CELL: bool = false;
            const HAS_GC: bool = false;

            #[inline(always)]
            unsafe fn trace<V: $crate::trace::Visitor>(_: *mut Self, _: &mut V) {}
        }
    )* };
}
use leaves;

/// Traces `len` elements in a row. There may be any number of what has no size, which holds no pointer: it is not gone through.
///
/// # Safety
///
/// `T::trace` may be called of each of the `len` values from `start` on.
#[inline(always)]
unsafe fn trace_elements<T: Trace, V: Visitor>(start: *mut T, len: usize, visitor: &mut V) {
    if T::HAS_GC && size_of::<T>() != 0 {
        for i in 0..len {
            // SAFETY: the caller says that there are `len` values.
            let element = unsafe { start.add(i) };
            // SAFETY: the caller allows it.
            unsafe { T::trace(element, visitor) };
        }
    }
}
