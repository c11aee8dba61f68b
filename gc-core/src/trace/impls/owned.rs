//! Containers: types that hold their parts in memory of their own.
//!
//! - **[owned.no-cells]** No `Slot` or `GcCell` lies in memory that a container owns. The
//!   remembered set records a write to one by its address, and this memory may be freed or reused
//!   before the next pause. The body of each `trace` asserts it ([trace.cells-inline]).
//! - **[owned.places-stay]** A place that is passed to the visitor stays valid for the rest of the
//!   pause: the container itself is not accessed again before the mutators resume.
//! - **[owned.lent]** If the visitor writes, the places come from the methods of the container that
//!   lend exclusively. Otherwise they come from those that share, since a mutator may be reading at
//!   the same time ([trace.shared-refs]).

//!
//! # Why each is whole
//!
//! A container is *whole* if it lists every element that a later call could still hand out.
//! Elements that were leaked may be missing. A pointer in an element that is not listed would
//! dangle. User code (`Clone`, `Drop`, `PartialEq`, closures, iterators) may panic in any method
//! that changes a container. A value that borrows the container (`Drain`, `Splice`, `ExtractIf`)
//! may be forgotten. Each container here is whole *after* every such end. *During* such a method it
//! need not be. No thread can collect then, because the container was borrowed through the mutator,
//! and the concurrent marker skips cells that are being written ([mark.reads]).
//!
//! This follows from the source of Rust 1.95.0 (`library/alloc/src`), which CI runs. For another
//! toolchain the fuzz test decides (`tests/tests/containers/fuzz.rs`).
//!
//! | container | why it is whole |
//! |---|---|
//! | `Vec` (`vec/mod.rs`) | its elements are those below `len`. A method that moves elements or lets user code drop them lowers `len` first (`truncate`, `clear`, `Drain`, `Splice`, `ExtractIf`; forgotten, the rest leaks), or has a guard that closes the gap (`PanicGuard` in `retain_mut`, `FillGapOnDrop` in `dedup_by`, `SetLenOnDrop` in `extend_trusted` and `extend_with`). Sorting leaves a permutation: `CopyOnDrop` and the guards of merging in `core/src/slice/sort` |
//! | `VecDeque` (`collections/vec_deque`) | the same with `head` and `len`: `truncate` sets `len` before it drops, `Drain` sets it at its start, `Guard` in `write_iter_wrapping` counts what was written, `retain_mut` swaps only |
//! | `LinkedList` (`collections/linked_list.rs`) | links and `len` change together, with no user code between (`unlink_node`, `push_back_node`, `split_off_after_node`); `ExtractIf` calls user code for a node that is linked; `clear` and `Drop` unlink before they drop |
//! | `Box<T>`, `Box<[T]>` | the length is part of the pointer. `clone_from` assigns elements one by one, or the whole |
//!
//! An assignment writes the new value even if the destructor of the old value panics; the language
//! guarantees it. `HashMap` and `BTreeMap` of std are not whole after each panic: see
//! `collections`.

use core::{marker::PhantomData, ptr};
use std::collections::{LinkedList, VecDeque};

use super::{is_visited, trace_elements};
use crate::trace::{Trace, Visitor};

/// Asserts [owned.no-cells]. The constant is evaluated when the code of a container's `trace` is
/// generated, and does not depend on the visitor. So there is one error for each type.
pub(crate) struct NoCells<T>(PhantomData<T>);

impl<T: Trace> NoCells<T> {
    pub(crate) const ASSERTED: () = assert!(
        !T::HAS_CELL,
        "a Slot or GcCell may not live in memory of its own (a Vec, a Box, a map): put the elements in an object, \
         `Gc<[Slot<…>]>`, or the whole container in a GcCell"
    );
}

// SAFETY: every element is reported. With the elements under another lifetime, so is the vector.
unsafe impl<T: Trace> Trace for Vec<T> {
    type At<'a> = Vec<T::At<'a>>;
    type Static = Vec<T::Static>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        let () = NoCells::<T>::ASSERTED;
        let (start, len) = if V::MOVES {
            // SAFETY: a valid vector. No other reference to it exists while the world is stopped.
            let vec = unsafe { &mut *this };
            (vec.as_mut_ptr(), vec.len())
        } else {
            // SAFETY: a valid vector, which no thread writes meanwhile.
            let vec = unsafe { &*this };
            visitor.owns(|| vec.capacity() * size_of::<T>());
            (vec.as_ptr().cast_mut(), vec.len())
        };
        // SAFETY: these are the elements of the vector, and the caller's guarantee holds for them.
        unsafe { trace_elements(start, len, visitor) };
    }
}

// SAFETY: every element is reported. With the elements under another lifetime, so is the deque.
unsafe impl<T: Trace> Trace for VecDeque<T> {
    type At<'a> = VecDeque<T::At<'a>>;
    type Static = VecDeque<T::Static>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        let () = NoCells::<T>::ASSERTED;
        let parts = if V::MOVES {
            // SAFETY: a valid deque. No other reference to it exists while the world is stopped.
            let (front, back) = unsafe { &mut *this }.as_mut_slices();
            [(front.as_mut_ptr(), front.len()), (back.as_mut_ptr(), back.len())]
        } else {
            // SAFETY: a valid deque, which no thread writes meanwhile.
            let deque = unsafe { &*this };
            visitor.owns(|| deque.capacity() * size_of::<T>());
            let (front, back) = deque.as_slices();
            [(front.as_ptr().cast_mut(), front.len()), (back.as_ptr().cast_mut(), back.len())]
        };
        for (start, len) in parts {
            // SAFETY: these are elements of the deque, and the caller's guarantee holds for them.
            unsafe { trace_elements(start, len, visitor) };
        }
    }
}

// SAFETY: the content is reported. With the content under another lifetime, so is the box.
unsafe impl<T: Trace> Trace for Box<T> {
    type At<'a> = Box<T::At<'a>>;
    type Static = Box<T::Static>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        let () = NoCells::<T>::ASSERTED;
        visitor.owns(|| size_of::<T>());
        if is_visited::<T, V>(visitor) {
            // SAFETY: a valid box. The content's address is computed from its pointer, without a reference.
            let content = unsafe { &raw mut **this };
            // SAFETY: the value owns the content, so the caller's guarantee holds for it.
            unsafe { T::trace(content, visitor) };
        }
    }
}

// SAFETY: every element is reported. With the elements under another lifetime, so is the box.
unsafe impl<T: Trace> Trace for Box<[T]> {
    type At<'a> = Box<[T::At<'a>]>;
    type Static = Box<[T::Static]>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    #[inline]
    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        let () = NoCells::<T>::ASSERTED;
        // SAFETY: a valid box. The elements' address is computed from its pointer, without a reference.
        let elements = unsafe { &raw mut **this };
        visitor.owns(|| elements.len() * size_of::<T>());
        // SAFETY: the value owns the elements, so the caller's guarantee holds for them.
        unsafe { trace_elements(elements.cast::<T>(), elements.len(), visitor) };
    }
}

// SAFETY: every element is reported. With the elements under another lifetime, so is the list.
unsafe impl<T: Trace> Trace for LinkedList<T> {
    type At<'a> = LinkedList<T::At<'a>>;
    type Static = LinkedList<T::Static>;
    const HAS_CELL: bool = false;
    const MISPLACES_CELL: bool = T::HAS_CELL || T::MISPLACES_CELL;
    const HAS_GC: bool = T::HAS_GC;

    unsafe fn trace<V: Visitor>(this: *mut Self, visitor: &mut V) {
        let () = NoCells::<T>::ASSERTED;
        if V::MOVES {
            // SAFETY: a valid list. No other reference to it exists while the world is stopped.
            let elements = unsafe { &mut *this }.iter_mut().map(ptr::from_mut);
            // SAFETY: the value owns the elements, so the caller's guarantee holds for them.
            unsafe { trace_each(elements, visitor) };
        } else {
            // SAFETY: a valid list, which no thread writes meanwhile.
            let list = unsafe { &*this };
            // Two links beside each element.
            visitor.owns(|| list.len() * (size_of::<T>() + 2 * size_of::<usize>()));
            let elements = list.iter().map(|element| ptr::from_ref(element).cast_mut());
            // SAFETY: as above, and the visitor does not write.
            unsafe { trace_each(elements, visitor) };
        }
    }
}

/// Traces elements that a container lends one by one.
///
/// # Safety
///
/// `T::trace` may be called on each element.
pub(crate) unsafe fn trace_each<T: Trace, V: Visitor>(mut elements: impl Iterator<Item = *mut T>, visitor: &mut V) {
    if is_visited::<T, V>(visitor) {
        visitor.whole(|visitor| {
            for (index, element) in elements.by_ref().enumerate() {
                // SAFETY: the caller guarantees that `T::trace` may be called on each element.
                visitor.element(index, |visitor| unsafe { T::trace(element, visitor) });
            }
        });
    }
}
