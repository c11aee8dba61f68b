//! The allocation buffer: one region of the young part, filled from the bottom.
//!
//! - **[buffer.bounds]** `bump ≤ limit`, both in one region; the memory between them is committed,
//!   and only the buffer uses it.
//! - **[buffer.no-gaps]** Whenever user code that makes an object runs, headers of objects and
//!   fillers lie below `bump` without a gap.
//! - **[buffer.samples]** `end` is at `limit` or below it, where the next sample is due, and never
//!   below `bump`. So the fast path knows nothing of samples: what reaches beyond `end` takes the
//!   slow path, which looks whether it is one.

use core::{cell::Cell, ptr, ptr::NonNull};

use crate::{
    object::{Header, young_start},
    space::young::{MIN_REGION, Region},
};

/// One mutator's allocation buffer.
pub(crate) struct Buffer {
    bump: Cell<*mut u8>,
    /// Where the fast path ends: `limit`, or where the next sample is due, or `bump` if every
    /// allocation is to take the slow path.
    end: Cell<usize>,
    limit: Cell<usize>,
    region: Cell<Option<Region>>,
    /// How many bytes the next region should have: small ones at first, so that mutators that
    /// allocate little take little.
    wanted: Cell<usize>,
    /// Whether a region was used up since the last pause.
    busy: Cell<bool>,
    every_slow: Cell<bool>,
    /// How many bytes come before the next sample, from the start of the region on, or from now on
    /// while there is none. `usize::MAX`: no sample is taken.
    until_sample: Cell<usize>,
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
            until_sample: Cell::new(usize::MAX),
        }
    }

    /// Makes every allocation take the slow path, where it is counted. For tests.
    pub(crate) fn set_every_slow(&self) {
        self.every_slow.set(true);
    }

    /// Returns memory for an object of alignment up to 8, or `None` if the slow path is needed. The
    /// caller writes a header there before it runs user code.
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

    /// Returns memory for an object of any alignment, or `None` if it reaches beyond the end of the
    /// fast path. Fills the gap before it.
    #[inline]
    pub(crate) fn bump_aligned(&self, bytes: usize, align: usize, slice: bool) -> Option<NonNull<u8>> {
        self.bump_below(self.end.get(), bytes, align, slice)
    }

    /// Returns memory for an object of any alignment in the rest of the buffer, and whether it is a
    /// sample: then the caller says when the next one is due.
    pub(crate) fn bump_past_end(&self, bytes: usize, align: usize, slice: bool) -> Option<(NonNull<u8>, bool)> {
        let place = self.bump_below(self.limit.get(), bytes, align, slice)?;
        self.set_end();
        Some((place, self.used() > self.until_sample.get()))
    }

    /// Has the next sample be the object that the byte lies in which comes after so many bytes of
    /// objects. `usize::MAX`: there is none.
    pub(crate) fn sample_after(&self, bytes: usize) {
        self.until_sample.set(bytes.saturating_add(self.used()));
        self.set_end();
    }

    fn set_end(&self) {
        let Some(region) = self.region.get() else { return };
        let bump = self.bump.get().addr();
        let sample = region.start.addr().saturating_add(self.until_sample.get());
        // Not below `bump`: [buffer.samples].
        self.end.set(if self.every_slow.get() { bump } else { self.limit.get().min(sample).max(bump) });
    }

    #[inline(always)]
    fn bump_below(&self, end: usize, bytes: usize, align: usize, slice: bool) -> Option<NonNull<u8>> {
        let start = self.bump.get();
        if start.is_null() {
            return None;
        }
        let at = young_start(start.addr(), align, slice);
        if end.checked_sub(at)? < bytes {
            return None;
        }
        let gap = at - start.addr();
        if gap > 0 {
            // SAFETY: `start` is in the buffer's free memory ([buffer.bounds]), at least `gap` bytes.
            unsafe { Header::at(NonNull::new_unchecked(start)).write_filler(gap) };
            // Only bytes of objects bring a sample nearer.
            self.until_sample.set(self.until_sample.get().saturating_add(gap));
        }
        let place = start.wrapping_add(gap);
        self.bump.set(place.wrapping_add(bytes));
        NonNull::new(place)
    }

    /// Returns how many bytes the next region should have: twice as many as the last one, up to a
    /// chunk.
    pub(crate) fn wanted(&self, chunk_bytes: usize) -> usize {
        self.busy.set(true);
        let wanted = self.wanted.get().min(chunk_bytes);
        self.wanted.set((2 * wanted).min(chunk_bytes));
        wanted
    }

    /// Ends the time between two pauses: the regions of a mutator that has used up none since the
    /// last pause become smaller.
    pub(crate) fn rest(&self) {
        if !self.busy.replace(false) {
            self.wanted.set((self.wanted.get() / 2).max(MIN_REGION));
        }
    }

    /// Ends any number of pauses without an allocation: the next region is small, as that of a
    /// mutator that attaches.
    pub(crate) fn rest_for_long(&self) {
        self.wanted.set(MIN_REGION);
    }

    /// Starts an empty region. [`retire`](Self::retire) has taken the previous one.
    pub(crate) fn refill(&self, region: Region) {
        debug_assert!(self.region.get().is_none());
        self.region.set(Some(region));
        self.bump.set(region.start);
        self.limit.set(region.start.addr() + region.bytes);
        self.set_end();
    }

    /// Returns the bytes of objects in the buffer.
    pub(crate) fn used(&self) -> usize {
        self.region.get().map_or(0, |region| self.bump.get().addr() - region.start.addr())
    }

    /// Takes the region away. Returns it with the end of its objects.
    pub(crate) fn retire(&self) -> Option<(Region, usize)> {
        let used = self.used();
        let region = self.region.take()?;
        let top = self.bump.get().addr();
        if self.until_sample.get() != usize::MAX {
            self.until_sample.set(self.until_sample.get().saturating_sub(used));
        }
        self.bump.set(ptr::null_mut());
        self.end.set(0);
        self.limit.set(0);
        Some((region, top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer with a region of so many bytes of memory.
    fn buffer(memory: &mut [u64]) -> Buffer {
        let buffer = Buffer::new();
        buffer.refill(Region { chunk: 0, start: memory.as_mut_ptr().cast(), bytes: size_of_val(memory) });
        buffer
    }

    /// [buffer.samples]
    #[test]
    fn the_object_that_has_the_byte_is_the_sample() {
        for until in 0..=80 {
            let mut memory = [0; 10];
            let buffer = buffer(&mut memory);
            buffer.sample_after(until);
            let fast = (0..).take_while(|_| buffer.bump(24).is_some()).count();
            assert_eq!(fast, until.min(80) / 24, "{until}");
            let slow = buffer.bump_past_end(24, 8, false);
            assert_eq!(slow.map(|(_, sampled)| sampled), (until < 72).then_some(true), "{until}");
            // The caller of it has not said yet when the next one is due.
            assert!(buffer.bump(8).is_none() || until >= 72);
        }
    }

    #[test]
    fn what_is_left_of_a_region_does_not_bring_a_sample_nearer() {
        let (mut one, mut two) = ([0; 4], [0; 8]);
        let buffer = buffer(&mut one);
        buffer.sample_after(40);
        assert!(buffer.bump(24).is_some() && buffer.bump(24).is_none());
        assert!(buffer.bump_past_end(24, 8, false).is_none());
        assert!(buffer.retire().is_some() && buffer.bump(8).is_none());
        buffer.refill(Region { chunk: 0, start: two.as_mut_ptr().cast(), bytes: 64 });
        assert!(buffer.bump(16).is_some() && buffer.bump(16).is_none());
        assert_eq!(buffer.bump_past_end(16, 8, false).map(|(_, sampled)| sampled), Some(true));
        buffer.sample_after(usize::MAX);
        assert!(buffer.bump(32).is_some() && buffer.bump(8).is_none());
        assert!(buffer.bump_past_end(8, 8, false).is_none());
    }

    /// Gaps belong to no object.
    #[test]
    fn a_gap_does_not_bring_a_sample_nearer() {
        let mut memory = [0; 32];
        let buffer = buffer(&mut memory);
        buffer.sample_after(64);
        for _ in 0..2 {
            assert!(
                buffer.bump_aligned(32, 64, false).or_else(|| Some(buffer.bump_past_end(32, 64, false)?.0)).is_some()
            );
        }
        assert!(buffer.used() > 64, "there were gaps");
        assert!(buffer.bump_past_end(32, 64, false).unwrap().1);
    }
}
