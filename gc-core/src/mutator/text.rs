//! Allocation of texts and bytes.

use core::fmt;

use crate::{Gc, collector::type_info::STR};

use super::{AllocError, Mutator};

impl Mutator {
    /// Allocates a string, a copy of `text`. It never changes. The pointer to it is one word.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(m.alloc_str("Ada").len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_str<'gc>(&'gc self, text: &str) -> Gc<'gc, str> {
        // SAFETY: the type info of strings is that of slices of `u8`.
        let Ok(address) = unsafe { Self::copied(self.local(), STR, text.as_bytes(), Self::reserve_or_refuse) };
        // SAFETY: a string, whose bytes were copied from a `str` just now. It lives until the next safepoint.
        unsafe { Gc::from_address(address) }
    }

    /// Allocates the text that `format_args!` makes. It is put together outside of the heap first,
    /// unless it is known when the program is compiled.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc), and if a `Display` or `Debug` returns an error.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(&*m.alloc_fmt(format_args!("{} of {}", 1, 2)), "1 of 2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn alloc_fmt<'gc>(&'gc self, text: fmt::Arguments<'_>) -> Gc<'gc, str> {
        match text.as_str() {
            Some(text) => self.alloc_str(text),
            None => self.alloc_str(&text.to_string()),
        }
    }

    /// Allocates bytes, a copy of `bytes`: [`alloc_slice_copy`](Self::alloc_slice_copy), also of
    /// what is no slice but has the bytes of one.
    ///
    /// # Panics
    ///
    /// As [`alloc`](Self::alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!((m.alloc_bytes("Ada").len(), m.alloc_bytes(b"Ada")[0]), (3, b'A'));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn alloc_bytes<'gc>(&'gc self, bytes: impl AsRef<[u8]>) -> Gc<'gc, [u8]> {
        self.alloc_slice_copy(bytes.as_ref())
    }

    /// Allocates as [`alloc_str`](Self::alloc_str) does, or returns an error.
    ///
    /// # Errors
    ///
    /// As [`try_alloc`](Self::try_alloc).
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let m = heap.attach()?;
    /// assert_eq!(&*m.try_alloc_str("Ada")?, "Ada");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_alloc_str<'gc>(&'gc self, text: &str) -> Result<Gc<'gc, str>, AllocError<()>> {
        // SAFETY: the type info of strings is that of slices of `u8`.
        let address = unsafe { Self::copied(self.local(), STR, text.as_bytes(), Self::try_reserve)? };
        // SAFETY: a string, whose bytes were copied from a `str` just now. It lives until the next safepoint.
        Ok(unsafe { Gc::from_address(address) })
    }
}
