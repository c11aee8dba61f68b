//! How a map allocates: as `alloc` does, which panics, or as `try_alloc` does.

use crate::{Gc, Mutator, Trace, mutator::AllocError};

/// A mutator, and what it does when memory is refused.
pub(crate) struct Memory<'gc> {
    pub(crate) mutator: &'gc Mutator,
    pub(crate) insists: bool,
}

impl<'gc> Memory<'gc> {
    /// Memory as `alloc` gets it: to be refused is a panic, before anything was changed.
    pub(crate) fn of_alloc(mutator: &'gc Mutator) -> Self {
        Self { mutator, insists: true }
    }

    /// Memory as `try_alloc` gets it.
    pub(crate) fn of_try_alloc(mutator: &'gc Mutator) -> Self {
        Self { mutator, insists: false }
    }

    #[inline]
    pub(crate) fn alloc<T: Trace<At<'gc> = T> + 'gc>(self, value: T) -> Result<Gc<'gc, T>, AllocError<T>> {
        if self.insists { Ok(self.mutator.alloc(value)) } else { self.mutator.try_alloc(value) }
    }

    pub(crate) fn alloc_slice<T: Trace<At<'gc> = T> + 'gc>(
        self,
        len: usize,
        make: impl Fn(usize) -> T,
    ) -> Result<Gc<'gc, [T]>, AllocError<()>> {
        if self.insists {
            return Ok(self.mutator.alloc_slice_with(len, make));
        }
        let slice = self.mutator.try_alloc_slice_with(len, make);
        slice.map_err(lost)
    }
}

/// What is said of a refusal where there is nothing to give back.
pub(crate) fn lost<T>(error: AllocError<T>) -> AllocError<()> {
    AllocError { value: (), refused: error.refused }
}

impl Clone for Memory<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Memory<'_> {}
