//! Containers: types that hold their parts in memory of their own.
//!
//! - **O1** No `Slot` or `GcCell` lies in memory of its own: a write to one is remembered by its address, and this
//!   memory may be freed or put to other use before the next pause. Asserted in the body of each `trace` (I4).
//! - **O2** A place that is handed to the visitor stays what it is for the rest of the pause: the container itself
//!   is not touched again before the world goes on.
//! - **O3** Where the visitor writes, the places come from the container's methods that lend exclusively; otherwise
//!   from those that share, since a mutator may be reading at the same time (I3).

use std::collections::{BTreeMap, HashMap, LinkedList, VecDeque};

use super::trace_elements;
use crate::trace::{Trace, Visitor};

/// O1. Called in a constant, which is evaluated when the code of a container's `trace` is generated.
const fn assert_no_cells<T: Trace>() {
    assert!(
        !T::HAS_CELL,
        "a Slot or GcCell may not live in memory of its own (a Vec, a Box, a map): put the elements in an object, \
         `Gc<[Slot<…>]>`, or the whole container in a GcCell"
    );
}

// SAFETY: every element is reported, and with the elements under another lifetime so is the vector.
unsafe impl<T: Trace> Trace for Vec<T> {
    type At<'a> = Vec<T::At<'a>>;
    type Static = Vec<T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        const { assert_no_cells::<T>() };
        let (start, len) = if V::MOVES {
            // SAFETY: a valid vector; nobody else has a reference to it while the world is stopped.
            let vec = unsafe { &mut *this };
            (vec.as_mut_ptr(), vec.len())
        } else {
            // SAFETY: a valid vector, which nobody writes.
            let vec = unsafe { &*this };
            (vec.as_ptr().cast_mut(), vec.len())
        };
        // SAFETY: the elements of the vector, which the caller's word holds for.
        unsafe { trace_elements(start, len, visitor) };
    }
}

// SAFETY: every element is reported, and with the elements under another lifetime so is the queue.
unsafe impl<T: Trace> Trace for VecDeque<T> {
    type At<'a> = VecDeque<T::At<'a>>;
    type Static = VecDeque<T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = T::HAS_GC;

    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        const { assert_no_cells::<T>() };
        let parts = if V::MOVES {
            // SAFETY: a valid queue; nobody else has a reference to it while the world is stopped.
            let (front, back) = unsafe { &mut *this }.as_mut_slices();
            [(front.as_mut_ptr(), front.len()), (back.as_mut_ptr(), back.len())]
        } else {
            // SAFETY: a valid queue, which nobody writes.
            let (front, back) = unsafe { &*this }.as_slices();
            [(front.as_ptr().cast_mut(), front.len()), (back.as_ptr().cast_mut(), back.len())]
        };
        for (start, len) in parts {
            // SAFETY: elements of the queue, which the caller's word holds for.
            unsafe { trace_elements(start, len, visitor) };
        }
    }
}

// SAFETY: the content is reported, and with it under another lifetime so is the box.
unsafe impl<T: Trace> Trace for Box<T> {
    type At<'a> = Box<T::At<'a>>;
    type Static = Box<T::Static>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        const { assert_no_cells::<T>() };
        if T::HAS_GC {
            // SAFETY: a valid box; the place is computed from its pointer, without a reference.
            let content = unsafe { &raw mut **this };
            // SAFETY: owned by the value, so the caller's word holds for it.
            unsafe { T::trace(content, visitor) };
        }
    }
}

// SAFETY: every element is reported, and with the elements under another lifetime so is the box.
unsafe impl<T: Trace> Trace for Box<[T]> {
    type At<'a> = Box<[T::At<'a>]>;
    type Static = Box<[T::Static]>;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        const { assert_no_cells::<T>() };
        // SAFETY: a valid box; the place is computed from its pointer, without a reference.
        let elements = unsafe { &raw mut **this };
        // SAFETY: owned by the value, so the caller's word holds for the elements.
        unsafe { trace_elements(elements.cast::<T>(), elements.len(), visitor) };
    }
}

/// Containers that lend their elements one by one. The leaves among the parameters are the keys and the hasher.
macro_rules! iterated {
    ($($(#[$doc:meta])* $name:ident<$($leaf:ident,)? [$t:ident] $(, $hasher:ident)?>: $shared:ident / $exclusive:ident;)*) => { $(
        // SAFETY: every element is reported; keys and hashers are leaves. With the elements under another lifetime
        // so is the container.
        unsafe impl<
            $($leaf: 'static + Send + Sync,)?
            $t: Trace,
            $($hasher: 'static + Send + Sync,)?
        > Trace for $name<$($leaf,)? $t $(, $hasher)?> {
            type At<'a> = $name<$($leaf,)? $t::At<'a> $(, $hasher)?>;
            type Static = $name<$($leaf,)? $t::Static $(, $hasher)?>;
            const HAS_CELL: bool = false;
            const HAS_GC: bool = $t::HAS_GC;

            unsafe fn trace<Vis: Visitor>(this: *mut Self, visitor: &mut Vis) {
                const { assert_no_cells::<$t>() };
                if !$t::HAS_GC {
                } else if Vis::MOVES {
                    // SAFETY: a valid container; nobody else has a reference to it while the world is stopped.
                    for element in unsafe { &mut *this }.$exclusive() {
                        // SAFETY: owned by the value, so the caller's word holds for it.
                        unsafe { $t::trace(&raw mut *element, visitor) };
                    }
                } else {
                    // SAFETY: a valid container, which nobody writes.
                    for element in unsafe { &*this }.$shared() {
                        // SAFETY: as above; the visitor does not write through the place.
                        unsafe { $t::trace((&raw const *element).cast_mut(), visitor) };
                    }
                }
            }
        }
    )* };
}
iterated! {
    LinkedList<[T]>: iter / iter_mut;
    BTreeMap<K, [V]>: values / values_mut;
    HashMap<K, [V], S>: values / values_mut;
}
