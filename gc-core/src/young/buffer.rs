//! The allocation buffer: one region of the young part, filled from the bottom.
//!
//! - **[buffer.bounds]** `bump ≤ limit`, both in one region; the memory between them is committed, and only the buffer uses it.
//! - **[buffer.no-gaps]** Whenever user code that makes an object runs, headers of objects and fillers lie below `bump` without a
//!   gap.

use core::{cell::Cell, ptr, ptr::NonNull};

use crate::{
    object::{Header, young_start},
    space::young::{MIN_REGION, Region},
};

/// One mutator's allocation buffer.
pub(crate) struct Buffer {
    bump: Cell<*mut u8>,
    /// Where the fast path ends: `limit`, or `bump` if every allocation is to take the slow path.
    end: Cell<usize>,
    limit: Cell<usize>,
    region: Cell<Option<Region>>,
    /// How many bytes the next region should have: small ones at first, so that mutators that allocate little take little.
    wanted: Cell<usize>,
    /// Whether a region was used up since the last pause.
    busy: Cell<bool>,
    every_slow: Cell<bool>,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self {
            bump: Cell::new(ptr::null_mut()),
            end: Cell::new(0),
            limit: Cell::new(0),
            region: Cell::new(None),
            wanted: Cell::new(MIN_REGION),
            busy: Cell::new(false),
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

    /// Returns how many bytes the next region should have: twice as many as the last one, up to a chunk.
    pub(crate) fn wanted(&self, chunk_bytes: usize) -> usize {
        self.busy.set(true);
        let wanted = self.wanted.get().min(chunk_bytes);
        self.wanted.set((2 * wanted).min(chunk_bytes));
        wanted
    }

    /// Ends the time between two pauses: the regions of a mutator that has used up none since the last pause become smaller.
    pub(crate) fn rest(&self) {
        if !self.busy.replace(false) {
            self.wanted.set((self.wanted.get() / 2).max(MIN_REGION));
        }
    }

    /// Ends any number of pauses without an allocation: the next region is small, as that of a mutator that attaches.
    pub(crate) fn rest_for_long(&self) {
        self.wanted.set(MIN_REGION);
    }

    /// Starts an empty region. [`retire`](Self::retire) has taken the previous one.
    pub(crate) fn refill(&self, region: Region) {
        debug_assert!(self.region.get().is_none());
        self.region.set(Some(region));
        self.bump.set(region.start);
        self.limit.set(region.start.addr() + region.bytes);
        self.end.set(if self.every_slow.get() { region.start.addr() } else { self.limit.get() });
    }

    /// Returns the bytes of objects in the buffer.
    pub(crate) fn used(&self) -> usize {
        self.region.get().map_or(0, |region| self.bump.get().addr() - region.start.addr())
    }

    /// Takes the region away. Returns it with the end of its objects.
    pub(crate) fn retire(&self) -> Option<(Region, usize)> {
        let region = self.region.take()?;
        let top = self.bump.get().addr();
        self.bump.set(ptr::null_mut());
        self.end.set(0);
        self.limit.set(0);
        Some((region, top))
    }
}
