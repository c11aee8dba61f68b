//! An object while it is being made: what happens to it if that ends early.

use core::{mem, ptr::NonNull};

use crate::{
    collector::{attachment::Attachment, refill::Reserved},
    object::TypeInfo,
};

/// Memory for an object that is being made. If it is not made, small memory stays a filler, and a
/// large run is given back.
pub(crate) struct Making<'a> {
    local: &'a Attachment,
    reserved: Reserved,
    /// The values written so far are `written` values of `size` bytes from here on; `drop` drops
    /// one.
    first: *mut u8,
    pub(super) written: usize,
    size: usize,
    drop: Option<unsafe fn(*mut u8)>,
}

impl<'a> Making<'a> {
    /// Returns what `reserved` is for an object whose values begin at `first`, with `size` bytes
    /// each.
    pub(super) fn new(
        local: &'a Attachment,
        reserved: Reserved,
        first: *mut u8,
        size: usize,
        drop: Option<unsafe fn(*mut u8)>,
    ) -> Self {
        Self { local, reserved, first, written: 0, size, drop }
    }

    /// Returns where the first value lies.
    pub(crate) fn first(&self) -> *mut u8 {
        self.first
    }

    /// Publishes the object, which is whole. Returns its address.
    ///
    /// # Safety
    ///
    /// Every value of the object is written, as `info` says.
    #[inline]
    #[track_caller]
    pub(crate) unsafe fn done(self, info: &'static TypeInfo) -> NonNull<u8> {
        // SAFETY: the caller has written every value. This thread runs the mutator of `local`.
        unsafe { self.reserved.publish(self.local, info) };
        let address = self.reserved.address();
        mem::forget(self);
        address
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            for index in 0..self.written {
                // SAFETY: the value was written before the user's closure panicked, and nothing else refers to it.
                unsafe { drop(self.first.wrapping_add(index * self.size)) };
            }
        }
        self.reserved.abandon(self.local);
    }
}
