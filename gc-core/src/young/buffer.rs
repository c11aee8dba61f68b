//! The allocation buffer: one chunk of the young part, filled from the bottom.
//!
//! - **[buffer.bounds]** `bump ≤ limit`, both in one chunk; the memory between them is committed, and only the buffer uses it.
//! - **[buffer.no-gaps]** Whenever user code that makes an object runs, headers of objects and fillers lie below `bump` without a
//!   gap.

use core::{cell::Cell, ptr, ptr::NonNull};

use crate::object::{Header, young_start};

/// One mutator's allocation buffer.
pub(crate) struct Buffer {
    bump: Cell<*mut u8>,
    /// Where the fast path ends: `limit`, or `bump` if every allocation is to take the slow path.
    end: Cell<usize>,
    limit: Cell<usize>,
    chunk: Cell<Option<u32>>,
    every_slow: Cell<bool>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            bump: Cell::new(ptr::null_mut()),
            end: Cell::new(0),
            limit: Cell::new(0),
            chunk: Cell::new(None),
            every_slow: Cell::new(false),
        }
    }

    /// Makes every allocation take the slow path, where it is counted. For tests.
    pub(crate) fn set_every_slow(&self) {
        self.every_slow.set(true);
    }

    /// Returns memory for an object of alignment up to 8, or `None` if the slow path is needed. The caller writes a header there
    /// before it runs user code.
    #[inline(always)]
    pub(crate) fn bump(&self, bytes: usize) -> Option<NonNull<u8>> {
        let start = self.bump.get();
        // No overflow: both are addresses or 0, and `bytes` is at most a chunk.
        if self.end.get().wrapping_sub(start.addr()) < bytes {
            return None;
        }
        self.bump.set(start.wrapping_add(bytes));
        // SAFETY: `end` is above `start` by at least `bytes` > 0, so this is memory of the buffer ([buffer.bounds]) and not null.
        Some(unsafe { NonNull::new_unchecked(start) })
    }

    /// Returns memory for an object of any alignment in the rest of the buffer. Fills the gap before it.
    #[inline]
    pub(crate) fn bump_aligned(&self, bytes: usize, align: usize, slice: bool) -> Option<NonNull<u8>> {
        let start = self.bump.get();
        if start.is_null() {
            return None;
        }
        let at = young_start(start.addr(), align, slice);
        if self.limit.get().checked_sub(at)? < bytes {
            return None;
        }
        let gap = at - start.addr();
        if gap > 0 {
            // SAFETY: `start` is in the buffer's free memory ([buffer.bounds]), at least `gap` bytes.
            unsafe { Header::at(NonNull::new_unchecked(start)).write_filler(gap) };
        }
        let place = start.wrapping_add(gap);
        self.bump.set(place.wrapping_add(bytes));
        if self.every_slow.get() {
            self.end.set(self.bump.get().addr());
        }
        NonNull::new(place)
    }

    /// Starts an empty chunk. [`retire`](Self::retire) has taken the previous one.
    pub(crate) fn refill(&self, chunk: u32, start: *mut u8, bytes: usize) {
        debug_assert!(self.chunk.get().is_none());
        self.chunk.set(Some(chunk));
        self.bump.set(start);
        self.limit.set(start.addr() + bytes);
        self.end.set(if self.every_slow.get() { start.addr() } else { self.limit.get() });
    }

    /// Returns the bytes of objects in the buffer.
    pub(crate) fn used(&self, chunk_bytes: usize) -> usize {
        match self.chunk.get() {
            Some(_) => self.bump.get().addr() + chunk_bytes - self.limit.get(),
            None => 0,
        }
    }

    /// Takes the chunk away. Returns its index and the end of its objects.
    pub(crate) fn retire(&self) -> Option<(u32, usize)> {
        let chunk = self.chunk.take()?;
        let top = self.bump.get().addr();
        self.bump.set(ptr::null_mut());
        self.end.set(0);
        self.limit.set(0);
        Some((chunk, top))
    }
}
