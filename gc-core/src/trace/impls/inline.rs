//! Types that hold their parts inline. Each property of such a type follows from its parts.

use core::{
    cmp::Reverse,
    marker::PhantomData,
    mem::ManuallyDrop,
    num::{Saturating, Wrapping},
    ops::{Bound, ControlFlow, Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive},
    task::Poll,
};

use super::__private::{Field, Proofs};
use crate::trace::{Object, Trace, Visitor};

/// Structs with public fields: the field pointers are computed from `this`, without any reference.
macro_rules! fields {
    ($($name:ident<$($t:ident),+> { $($field:tt),+ })*) => { $(
        // SAFETY: each part is reported. With each part under another lifetime, so is the whole.
        unsafe impl<$($t: Trace),+> Trace for $name<$($t),+> {
            type At<'a> = $name<$($t::At<'a>),+>;
            type Static = $name<$($t::Static),+>;
            const HAS_CELL: bool = false $(|| $t::HAS_CELL)+;
            const MISPLACES_CELL: bool = false $(|| $t::MISPLACES_CELL)+;
            const HAS_GC: bool = false $(|| $t::HAS_GC)+;

            #[inline(always)]
            unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
                $(
                    // SAFETY: the caller guarantees that a valid value is at `this`.
                    let place = unsafe { &raw mut (*this).$field };
                    // SAFETY: a part of the value, so the caller's guarantee holds for it.
                    unsafe { Trace::trace(place, visitor) };
                )+
            }
        }
    )* };
}
fields! {
    Wrapping<T> { 0 }
    Saturating<T> { 0 }
    Reverse<T> { 0 }
    Range<T> { start, end }
    RangeFrom<T> { start }
    RangeTo<T> { end }
    RangeToInclusive<T> { end }
}

/// Enums: a pattern finds the part of the present variant.
macro_rules! enums {
    ($($name:ident<$($t:ident),+> { $($variant:ident $(($part:ident))?),+ })*) => { $(
        // SAFETY: the part of the present variant is reported. With each part under another lifetime, so is the whole.
        unsafe impl<$($t: Trace),+> Trace for $name<$($t),+> {
            type At<'a> = $name<$($t::At<'a>),+>;
            type Static = $name<$($t::Static),+>;
            const HAS_CELL: bool = false $(|| $t::HAS_CELL)+;
            const MISPLACES_CELL: bool = false $(|| $t::MISPLACES_CELL)+;
            const HAS_GC: bool = false $(|| $t::HAS_GC)+;

            #[inline(always)]
            unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
                // SAFETY: the caller guarantees that a valid value is at `this`. A shared reference is allowed
                // ([trace.shared-refs]).
                match unsafe { &*this } {
                    $($name::$variant { $(0: $part)? } => { $(
                        let part = Proofs.field($part);
                        // SAFETY: a part of the value, so the caller's guarantee holds for it.
                        unsafe { part.trace(this, visitor) };
                    )? })+
                }
            }
        }
    )* };
}
enums! {
    Option<T> { None, Some(value) }
    Result<T, E> { Ok(value), Err(error) }
    Bound<T> { Included(bound), Excluded(bound), Unbounded }
    ControlFlow<B, C> { Continue(value), Break(value) }
    Poll<T> { Ready(value), Pending }
}

// SAFETY: both ends are reported. With both under another lifetime, so is the whole.
unsafe impl<T: Trace> Trace for RangeInclusive<T> {
    type At<'a> = RangeInclusive<T::At<'a>>;
    type Static = RangeInclusive<T::Static>;
    const HAS_CELL: bool = T::HAS_CELL;
    const MISPLACES_CELL: bool = T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the caller guarantees that a valid value is at `this`. A shared reference is allowed ([trace.shared-refs]).
        let range = unsafe { &*this };
        let (start, end) = (Proofs.field(range.start()), Proofs.field(range.end()));
        // SAFETY: the range lends its own ends. They are parts of the value, so the caller's guarantee holds for them.
        unsafe { start.trace(this, visitor) };
        // SAFETY: as above.
        unsafe { end.trace(this, visitor) };
    }
}

// SAFETY: the wrapper is transparent, and its content is initialised as long as the wrapper can be reached. Code that drops or
// takes the content early needs `unsafe`, and must then guarantee that the wrapper is not used again.
unsafe impl<T: Trace> Trace for ManuallyDrop<T> {
    type At<'a> = ManuallyDrop<T::At<'a>>;
    type Static = ManuallyDrop<T::Static>;
    const HAS_CELL: bool = T::HAS_CELL;
    const MISPLACES_CELL: bool = T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: the content has the address of the wrapper, and the caller's guarantee holds for it.
        unsafe { T::trace(this.cast::<T>(), visitor) };
    }
}

// SAFETY: the value is empty, so there is nothing to report. `HAS_GC` also says whether the type may differ under another
// lifetime, and this one may. So it is true although the value holds no pointers.
unsafe impl<T: Object + ?Sized> Trace for PhantomData<T> {
    type At<'a> = PhantomData<T::At<'a>>;
    type Static = PhantomData<T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = true;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}

// SAFETY: every element is reported. With the elements under another lifetime, so is the array.
unsafe impl<T: Trace, const N: usize> Trace for [T; N] {
    type At<'a> = [T::At<'a>; N];
    type Static = [T::Static; N];
    const HAS_CELL: bool = T::HAS_CELL;
    const MISPLACES_CELL: bool = T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        // SAFETY: these are the `N` elements of the array, and the caller's guarantee holds for them.
        unsafe { super::trace_elements(this.cast::<T>(), N, visitor) };
    }
}

/// Tuples of every length down to one.
macro_rules! tuples {
    () => {};
    ($first:ident.$i:tt $($t:ident.$n:tt)*) => {
        tuples!(@reverse [$first.$i $($t.$n)*]);
        tuples!($($t.$n)*);
    };
    (@reverse [] $($t:ident.$n:tt)+) => {
        // SAFETY: each part is reported. With each part under another lifetime, so is the whole.
        unsafe impl<$($t: Trace),+> Trace for ($($t,)+) {
            type At<'a> = ($($t::At<'a>,)+);
            type Static = ($($t::Static,)+);
            const HAS_CELL: bool = false $(|| $t::HAS_CELL)+;
            const MISPLACES_CELL: bool = false $(|| $t::MISPLACES_CELL)+;
            const HAS_GC: bool = false $(|| $t::HAS_GC)+;

            #[inline]
            unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
                $(
                    // SAFETY: the caller guarantees that a valid value is at `this`.
                    let place = unsafe { &raw mut (*this).$n };
                    // SAFETY: a part of the value, so the caller's guarantee holds for it.
                    visitor.field(stringify!($n), |visitor| unsafe { $t::trace(place, visitor) });
                )+
            }
        }
    };
    (@reverse [$first:ident.$i:tt $($rest:tt)*] $($done:tt)*) => {
        tuples!(@reverse [$($rest)*] $first.$i $($done)*);
    };
}
tuples!(L.11 K.10 J.9 I.8 H.7 G.6 F.5 E.4 D.3 C.2 B.1 A.0);
