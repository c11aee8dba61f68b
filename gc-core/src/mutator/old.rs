//! Allocation in the old generation, of types whose objects nearly always live for long: see
//! `collector::pretenuring`.

use core::mem;

use crate::{
    Gc,
    barrier::Adopter,
    collector::{refill::is_large, type_info::TypeInfoOf},
    object::Header,
    old::allocate::bit_of,
    trace::Trace,
};

use super::{AllocError, Mutator};

impl Mutator {
    /// Returns whether objects of the type can be allocated old ([old-cells.plain]).
    const fn is_plain<T: Trace>() -> bool {
        let shape = &TypeInfoOf::<T>::SIZED.shape;
        !T::HAS_CELL && !mem::needs_drop::<T>() && shape.align <= 8 && !is_large(shape, shape.size_with_header as usize)
    }

    /// Returns whether the objects of some type of this size are allocated old now. Costs two
    /// instructions.
    #[inline(always)]
    pub(super) fn may_be_old<T: Trace>(&self) -> bool {
        (const { Self::is_plain::<T>() }) && self.local().old_cells.may_have(const { Self::bit::<T>() })
    }

    const fn bit<T: Trace>() -> u64 {
        bit_of(TypeInfoOf::<T>::SIZED.shape.size_with_header as usize)
    }

    /// Allocates an object in the old generation, if nearly all objects of its type live for long
    /// ([`pretenuring`]). Gives the value back otherwise.
    ///
    /// [`pretenuring`]: crate::collector::pretenuring
    #[inline]
    fn alloc_old<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Result<Gc<'gc, T>, T> {
        let (local, info) = (self.local(), TypeInfoOf::<T>::SIZED);
        let Some(address) = local.old_cell(info) else { return Err(value) };
        // SAFETY: a cell, which begins with room for a header, and belongs to this thread.
        unsafe { Header::of(address.as_ptr()).write_info(info) };
        let place = address.cast::<T>();
        // SAFETY: the memory is that of a `T`, whose alignment is at most 8.
        unsafe { place.write(value) };
        if !info.shape.leaf {
            let mut adopter = Adopter::new(&local.barrier, &local.poll);
            // SAFETY: the value was written just now, and no other thread knows it.
            unsafe { T::trace(place.as_ptr(), &mut adopter) };
        }
        // SAFETY: an object of type `T`, made just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(address) })
    }

    /// Allocates an object of a type that may be allocated old. Out of the way, so that others pay
    /// two instructions for it.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn alloc_aside<'gc, T: Trace<At<'gc> = T> + 'gc>(&'gc self, value: T) -> Gc<'gc, T> {
        self.alloc_old(value).unwrap_or_else(|value| self.alloc_young(value))
    }

    /// Does the same as [`alloc_aside`](Self::alloc_aside) for [`try_alloc`](Self::try_alloc).
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn try_alloc_aside<'gc, T: Trace<At<'gc> = T> + 'gc>(
        &'gc self,
        value: T,
    ) -> Result<Gc<'gc, T>, AllocError<T>> {
        self.alloc_old(value).or_else(|value| self.try_alloc_young(value))
    }
}
