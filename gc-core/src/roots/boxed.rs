//! Boxed values: those of roots that do not fit into a slot.
//!
//! ```text
//!   | … | type | value …        the slot holds the address of the value
//! ```
//!
//! The type is kept before the value, because a slot that was dropped elsewhere holds a link in its
//! place.
//!
//! - **[roots.boxed-freed]** A boxed value is dropped and freed by a thread that runs a mutator of
//!   its heap, or after a pause has taken its slot from the stack, or after it was taken out under
//!   the registry lock, which the leader of a pause holds. So it is never freed while a pause may
//!   be tracing it.

use core::{alloc::Layout, ptr::NonNull};
use std::alloc;

use crate::object::{HEADER, TypeInfo};

/// A boxed value whose root was dropped.
#[derive(Clone, Copy)]
pub(crate) struct BoxedValue {
    pub(crate) value: NonNull<u8>,
    pub(crate) info: &'static TypeInfo,
}

impl BoxedValue {
    /// Returns the layout of the memory, and where the value lies in it.
    fn layout(info: &TypeInfo) -> (Layout, usize) {
        let align = usize::from(info.shape.align).max(HEADER);
        let bytes = align + info.shape.size_with_header as usize - HEADER;
        (Layout::from_size_align(bytes, align).expect("the layout of a type that exists"), align)
    }

    /// Returns the bytes of memory that a value of type `info` takes.
    pub(crate) fn bytes(info: &TypeInfo) -> usize {
        Self::layout(info).0.size()
    }

    /// Takes memory for a value of type `info`, which the caller writes.
    pub(super) fn allocate(info: &'static TypeInfo) -> NonNull<u8> {
        let (layout, offset) = Self::layout(info);
        // SAFETY: the size is at least that of the alignment, never 0.
        let Some(memory) = NonNull::new(unsafe { alloc::alloc(layout) }) else { alloc::handle_alloc_error(layout) };
        // SAFETY: `offset` is less than the size, and a multiple of 8: the word before lies in the memory, too.
        unsafe {
            let value = memory.byte_add(offset);
            value.cast::<&'static TypeInfo>().sub(1).write(info);
            value
        }
    }

    /// Returns the value at this address.
    ///
    /// # Safety
    ///
    /// `value` was returned by [`allocate`](Self::allocate), and the memory was not freed.
    pub(super) unsafe fn at(value: NonNull<u8>) -> Self {
        // SAFETY: the caller's: the word before the value was written in `allocate`.
        Self { value, info: unsafe { value.cast::<&'static TypeInfo>().sub(1).read() } }
    }

    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// The value was dropped, and no other code frees it.
    pub(crate) unsafe fn free(self) {
        let (layout, offset) = Self::layout(self.info);
        // SAFETY: allocated with this layout in `allocate`, `offset` bytes before the value.
        unsafe { alloc::dealloc(self.value.as_ptr().sub(offset), layout) }
    }
}
