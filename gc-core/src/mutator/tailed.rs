//! Objects with a tail: bytes that lie behind the value, in the same object ([layout.tail]).

use core::{mem, ptr::NonNull, slice};

use crate::{
    Gc,
    collector::{refill::is_large, type_info::TypeInfoOf},
    object::{Header, tailed_size},
    trace::Tailed,
};

use super::{AllocError, Mutator};

impl Mutator {
    /// Allocates an object of `value` with a copy of `tail` behind it, or gives the value back.
    /// With `INSIST`, as [`alloc`](Self::alloc) gets memory, which leaves it to the caller to
    /// panic; otherwise as [`try_alloc`](Self::try_alloc) does.
    ///
    /// # Safety
    ///
    /// `value.tail()` is the length of `tail`.
    #[inline]
    #[track_caller]
    pub(crate) unsafe fn alloc_tailed<'gc, const INSIST: bool, T: Tailed<At<'gc> = T> + 'gc>(
        &'gc self,
        value: T,
        tail: &[u8],
    ) -> Result<Gc<'gc, T>, AllocError<T>> {
        debug_assert_eq!(value.tail(), tail.len(), "another length than that of the tail");
        let (local, info) = (self.local(), TypeInfoOf::<T>::TAILED);
        let size_with_header = tailed_size(size_of::<T>(), tail.len());
        if !is_large(&info.shape, size_with_header)
            && let Some(place) = local.buffer.bump(size_with_header)
        {
            let header = Header::at(place);
            // SAFETY: `place` begins with room for a header, and belongs to this thread since it was reserved.
            unsafe { header.write_info(info) };
            // SAFETY: the address is not null, as it lies behind a header.
            let address = unsafe { NonNull::new_unchecked(header.address()) };
            // SAFETY: the memory was reserved for a `T`, whose alignment is at most 8, and the tail.
            unsafe { Self::write(address, value, tail) };
            if mem::needs_drop::<T>() {
                local.drops.push(address);
            }
            // SAFETY: an object of type `T`, made just now. It lives until the next safepoint.
            return Ok(unsafe { Gc::from_address(address) });
        }
        let reserved = match local.reserve::<INSIST>(&info.shape, size_with_header) {
            Ok(reserved) => reserved,
            Err(refused) => return Err(AllocError { value, refused }),
        };
        // SAFETY: the memory was reserved for a `T` and the tail.
        unsafe { Self::write(reserved.address(), value, tail) };
        // SAFETY: the value is written. This thread runs the mutator of `local`.
        unsafe { reserved.publish(local, info) };
        // SAFETY: an object of type `T`, published just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(reserved.address()) })
    }

    /// Writes an object.
    ///
    /// # Safety
    ///
    /// The memory from `address` on is free, aligned for a `T`, and large enough for one and the
    /// tail.
    #[inline(always)]
    unsafe fn write<T>(address: NonNull<u8>, value: T, tail: &[u8]) {
        // SAFETY: the caller's.
        unsafe { address.cast::<T>().write(value) };
        // SAFETY: the caller's: the tail follows the value.
        let behind = unsafe { address.add(size_of::<T>()) };
        // SAFETY: the caller's: there is room for the tail. The object is new, so `tail` does not overlap it.
        unsafe { behind.copy_from_nonoverlapping(NonNull::from(tail).cast(), tail.len()) };
    }
}

/// Returns the bytes behind the value of an object; none, if it has no tail.
#[inline(always)]
pub(crate) fn tail<'gc, T: Tailed>(object: Gc<'gc, T>) -> &'gc [u8] {
    let len = Gc::as_ref(object).tail();
    // SAFETY: the value is in its object, so what follows is in it, or is its end.
    let first = unsafe { object.address().add(size_of::<T>()) };
    // SAFETY: as many bytes as the value says are behind it ([trace.tail]), written when it was made and not since. The object lives for `'gc`.
    unsafe { slice::from_raw_parts(first.as_ptr(), len) }
}
