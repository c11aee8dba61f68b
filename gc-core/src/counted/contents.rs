//! What a `Counted` may point to, and the layout of an object in memory.
//!
//! ```text
//!   sized T       Count (24 bytes) │ padding │ T
//!   [T], str      Count (24 bytes) │ length (8) │ padding │ elements
//! ```
//!
//! A pointer is the address of the `Count`: one word, whatever the type.

use core::{alloc::Layout, mem, ptr, ptr::NonNull};
use std::alloc;

use super::count::Count;
use crate::trace::Acyclic;

/// What a [`Counted`](super::Counted) may point to: every [`Acyclic`] type, slices of them, and
/// `str`. A bound for generic code; it is not meant to be implemented by hand.
///
/// ```
/// use gc_core::{Contents, Counted};
///
/// fn is_shared<T: Contents + ?Sized>(value: &Counted<T>) -> bool {
///     Counted::strong_count(value) > 1
/// }
/// let name: Counted<str> = "Ada".into();
/// assert!(!is_shared(&name));
/// ```
///
/// # Safety
///
/// As for [`Acyclic`]. The hidden items return where the contents of an object lie, and how much
/// memory the object has.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be counted",
    label = "`Counted<{Self}>` needs `{Self}` to be acyclic",
    note = "counted are types that `#[derive(Trace)] #[trace(acyclic)]`, slices of them, and `str`"
)]
pub unsafe trait Contents: Acyclic {
    /// Returns the contents of the object at `object`.
    ///
    /// # Safety
    ///
    /// `object` is the address of an object of this type. Its length, if it has one, is written.
    #[doc(hidden)]
    unsafe fn at(object: NonNull<u8>) -> NonNull<Self>;

    /// Returns the object's layout.
    ///
    /// # Safety
    ///
    /// As for `at`.
    #[doc(hidden)]
    unsafe fn layout(object: NonNull<u8>) -> Layout;
}

// SAFETY: sized contents follow the header at their alignment, as `new` writes them.
unsafe impl<T: Acyclic> Contents for T {
    #[inline(always)]
    unsafe fn at(object: NonNull<u8>) -> NonNull<T> {
        // SAFETY: the contents lie in the object, by its layout.
        unsafe { object.byte_add(offset(size_of::<Count>(), align_of::<T>())) }.cast()
    }

    #[inline(always)]
    unsafe fn layout(_: NonNull<u8>) -> Layout {
        const { sized_layout::<T>() }
    }
}

// SAFETY: elements follow the length at their alignment, as `new_slice` writes them.
unsafe impl<T: Acyclic> Contents for [T] {
    #[inline(always)]
    unsafe fn at(object: NonNull<u8>) -> NonNull<[T]> {
        // SAFETY: the caller guarantees that the length is written. It follows the header.
        let len = unsafe { object.byte_add(size_of::<Count>()).cast::<usize>().read() };
        // SAFETY: the elements lie in the object, or at its end, by its layout.
        let elements = unsafe { object.byte_add(elements_offset(align_of::<T>())) };
        NonNull::slice_from_raw_parts(elements.cast(), len)
    }

    unsafe fn layout(object: NonNull<u8>) -> Layout {
        // SAFETY: the caller guarantees the same.
        let len = unsafe { Self::at(object) }.len();
        slice_layout::<T>(len).expect("the layout of an object that was allocated")
    }
}

// SAFETY: a `str` object is a slice object of bytes that were valid UTF-8 when they were copied in.
unsafe impl Contents for str {
    #[inline(always)]
    unsafe fn at(object: NonNull<u8>) -> NonNull<str> {
        // SAFETY: the caller guarantees the same, and the layout is that of a slice of bytes.
        let bytes = unsafe { <[u8] as Contents>::at(object) };
        // A `str` pointer and a `[u8]` pointer have the same metadata.
        // SAFETY: the pointer is not null.
        unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
    }

    unsafe fn layout(object: NonNull<u8>) -> Layout {
        // SAFETY: as above.
        unsafe { <[u8] as Contents>::layout(object) }
    }
}

/// Returns the first multiple of `align` that is not below `at`.
const fn offset(at: usize, align: usize) -> usize {
    at.next_multiple_of(align)
}

const fn elements_offset(align: usize) -> usize {
    offset(size_of::<Count>() + size_of::<usize>(), align)
}

const fn sized_layout<T>() -> Layout {
    let align = if align_of::<T>() > align_of::<Count>() { align_of::<T>() } else { align_of::<Count>() };
    match Layout::from_size_align(offset(size_of::<Count>(), align_of::<T>()) + size_of::<T>(), align) {
        Ok(layout) => layout,
        Err(_) => panic!("gc-core: expected a type that fits into memory with its header, found a larger one"),
    }
}

fn slice_layout<T>(len: usize) -> Option<Layout> {
    let align = align_of::<T>().max(align_of::<Count>());
    let size = size_of::<T>().checked_mul(len)?.checked_add(elements_offset(align_of::<T>()))?;
    Layout::from_size_align(size, align).ok()
}

/// Allocates memory for an object and writes its header.
#[inline(always)]
fn allocate(layout: Layout, count: Count) -> NonNull<Count> {
    // SAFETY: no layout of an object has size 0.
    let Some(object) = NonNull::new(unsafe { alloc::alloc(layout) }) else { alloc::handle_alloc_error(layout) };
    let object = object.cast::<Count>();
    // SAFETY: fresh memory, large enough and aligned by its layout.
    unsafe { object.write(count) };
    object
}

/// Makes a new object.
#[inline(always)]
pub(super) fn new<T: Acyclic>(count: Count, value: T) -> NonNull<Count> {
    let object = allocate(const { sized_layout::<T>() }, count);
    // SAFETY: an object of this type, whose contents are not written yet.
    unsafe { T::at(object.cast()).write(value) };
    object
}

/// Makes a new object of elements that are copied from `elements`. Afterwards the elements no
/// longer belong to the caller.
///
/// # Panics
///
/// If the size of the object exceeds `isize::MAX` bytes.
///
/// # Safety
///
/// `len` elements may be read at `elements`. If the type needs dropping, the caller does not drop
/// them afterwards.
pub(super) unsafe fn new_slice<T>(count: Count, elements: *const T, len: usize) -> NonNull<Count> {
    let Some(layout) = slice_layout::<T>(len) else {
        panic!("gc-core: expected a slice of at most isize::MAX bytes with its header, found {len} elements")
    };
    let object = allocate(layout, count);
    // SAFETY: the length follows the header, by the layout.
    unsafe { object.add(1).cast::<usize>().write(len) };
    // SAFETY: the elements lie in the object, by the layout.
    let place = unsafe { object.byte_add(elements_offset(align_of::<T>())) }.cast::<T>();
    // SAFETY: the caller guarantees that so many elements are readable. The destination is fresh memory for so many elements.
    unsafe { ptr::copy_nonoverlapping(elements, place.as_ptr(), len) };
    object
}

/// Makes a new object with the contents of another, which the caller may move out.
///
/// # Safety
///
/// `old` is an object of this type with valid contents, which are not used afterwards.
pub(super) unsafe fn moved<T: Contents + ?Sized>(count: Count, old: NonNull<Count>) -> NonNull<Count> {
    // SAFETY: the caller guarantees that `old` is an object of this type, whose length is written.
    let layout = unsafe { T::layout(old.cast()) };
    let object = allocate(layout, count);
    let bytes = layout.size() - size_of::<Count>();
    // Everything behind the header is copied: a length, padding, the contents.
    // SAFETY: both objects have this layout, and the new one is fresh memory.
    unsafe { ptr::copy_nonoverlapping(old.add(1).cast::<u8>().as_ptr(), object.add(1).cast().as_ptr(), bytes) };
    object
}

/// Frees an object's memory.
///
/// # Safety
///
/// The object is of this type, its contents are gone, and the caller has to free the memory.
#[inline]
pub(super) unsafe fn free<T: Contents + ?Sized>(object: NonNull<Count>) {
    // SAFETY: of this type by the caller's guarantee. The length, if there is one, stays written.
    let layout = unsafe { T::layout(object.cast()) };
    // SAFETY: the memory was allocated with this layout, and the caller has to free it.
    unsafe { alloc::dealloc(object.as_ptr().cast(), layout) };
}

const _: () = assert!(mem::align_of::<Count>() == 8 && mem::size_of::<usize>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_that_does_not_fit_is_refused_before_it_is_read() {
        assert_eq!(slice_layout::<u64>(3).map(|layout| layout.size()), Some(56));
        assert!(slice_layout::<u64>(usize::MAX / 8).is_none());
        assert!(slice_layout::<u8>(isize::MAX as usize - 31).is_none());
        assert!(slice_layout::<u8>(isize::MAX as usize - 39).is_some());
        let refused = std::panic::catch_unwind(|| {
            let nothing = NonNull::<u64>::dangling();
            // SAFETY: the call panics before anything is read.
            unsafe { new_slice(Count::new(0), nothing.as_ptr(), usize::MAX) }
        });
        assert!(refused.is_err());
    }
}
