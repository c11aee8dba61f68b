//! Impls of `Trace` for std types.
//!
//! There are three kinds of type, with a file each:
//!
//! - [`plain`]: leaves. They have no pointers, are the same under every lifetime, and have nothing
//!   to trace.
//! - [`inline`]: types that hold their parts inline. The parts are reported where they lie.
//! - [`owned`]: types that hold their parts in memory of their own, where no cells may lie
//!   ([trace.cells-inline]).
//!
//! Two rules hold in all of them:
//!
//! - **[leaf.itself]** A leaf is `'static + Send + Sync` *itself*, and each impl states so of the
//!   very type. A `Mutex` of a pointer into the heap is not `Send`, so it is not a leaf and needs
//!   no rule of its own.
//! - **[leaf.parameters]** Each parameter of a container is traced or a leaf. No `Cell`, `RefCell`,
//!   `Rc`, `UnsafeCell`, `MaybeUninit` or raw pointer is traced: a pointer written there would
//!   bypass the write barrier. Some have an impl that wants what no type has, and whose message
//!   says what to write ([`refused`]).
//!
//! [`leaf`] has the wrapper that makes a leaf of any other type. [`marker`] has the proofs for
//! `PhantomData`. [`acyclic`] lists which of these types are `Acyclic`. `__private` has what the
//! derived code calls.

#[doc(hidden)]
#[path = "impls/private.rs"]
pub mod __private;
mod acyclic;
mod inline;
mod leaf;
mod marker;
mod owned;
mod plain;
mod refused;

pub use leaf::Leaf;
pub(crate) use owned::{NoCells, trace_each};

use super::{Trace, Visitor};

/// What an impl of `Trace` has for a leaf.
macro_rules! nothing_to_trace {
    () => {
        type At<'a> = Self;
        type Static = Self;
        const HAS_CELL: bool = false;
        const HAS_GC: bool = false;

        #[inline(always)]
        unsafe fn trace<V: $crate::trace::Visitor>(_: *mut Self, _: &mut V) {}
    };
}
pub(crate) use nothing_to_trace;

/// `Trace` for leaves. The where clause is the proof ([leaf.itself]), and the compiler checks it
/// for each type. A closure says how many bytes of other memory a value owns, or which it shares,
/// and how many bytes of it.
macro_rules! leaves {
    ($($(#[$attribute:meta])* $t:ty $(where [$($parameter:tt)*])? $(=> $owned:expr)? $(; $shared:expr)?),* $(,)?) => { $(
        $(#[$attribute])*
        #[diagnostic::do_not_recommend]
        // SAFETY: the type is `'static + Send + Sync` itself, which no pointer into the heap is. It is the same under every
        // lifetime, and there is nothing to report.
        unsafe impl $(<$($parameter)*>)? $crate::trace::Trace for $t
        where
            $t: 'static + Send + Sync,
        {
            type At<'a> = Self;
            type Static = Self;
            const HAS_CELL: bool = false;
            const HAS_GC: bool = false;

            #[inline(always)]
            unsafe fn trace<V: $crate::trace::Visitor>(_this: *mut Self, _visitor: &mut V) {
                $(
                    // SAFETY: the caller guarantees that a valid value is there, which no thread writes meanwhile.
                    _visitor.owns(|| { let owned: fn(&Self) -> usize = $owned; owned(unsafe { &*_this }) });
                )?
                $(
                    // SAFETY: as above.
                    _visitor.shares(|| { let shared: fn(&Self) -> (usize, usize) = $shared; shared(unsafe { &*_this }) });
                )?
            }
        }
    )* };
}
use leaves;

/// Returns whether a visitor has to come to the parts of this type that a container holds.
#[inline(always)]
fn is_visited<T: Trace, V: Visitor>(visitor: &V) -> bool {
    // Only what needs dropping owns anything.
    T::HAS_GC || (V::LOOKS_FOR_MEMORY && core::mem::needs_drop::<T>() && visitor.looks_deeper())
}

/// Traces `len` consecutive elements.
///
/// # Safety
///
/// `T::trace` may be called on each of the `len` values from `start` on.
#[inline(always)]
unsafe fn trace_elements<T: Trace, V: Visitor>(start: *mut T, len: usize, visitor: &mut V) {
    // Elements without a size hold no pointer, and there may be any number of them.
    if is_visited::<T, V>(visitor) && size_of::<T>() != 0 {
        let trace = |visitor: &mut V, index| {
            // SAFETY: the caller guarantees that there are `len` values, and the index is less.
            let element = unsafe { start.add(index) };
            // SAFETY: the caller guarantees that `T::trace` may be called on each value.
            unsafe { T::trace(element, visitor) };
        };
        if T::HAS_CELL {
            // These lie inline ([trace.cells-inline]), and a visit in pieces skips nothing that does.
            (0..len).for_each(|index| visitor.element(index, |visitor| trace(visitor, index)));
        } else {
            visitor.elements(len, |visitor, index| visitor.element(index, |visitor| trace(visitor, index)));
        }
    }
}
