//! The memory of chunks: a page for each, given back to the system one by one. A general allocator keeps what is free between other
//! memory, and so would keep nearly all of it where few roots of many are left.

use core::ptr::NonNull;
use std::alloc;

use crate::memory::{PAGE, Reservation};

/// Pages for chunks.
#[derive(Default)]
pub(super) struct Pages {
    regions: Vec<Reservation>,
    /// How many pages of the last region were ever taken.
    taken: usize,
    /// Free pages that cost memory, and those that do not.
    dirty: Vec<NonNull<u8>>,
    clean: Vec<NonNull<u8>>,
}

// SAFETY: these are addresses of free pages, which only this uses.
unsafe impl Send for Pages {}

/// Bytes of address space that are reserved at a time.
const REGION: usize = 2 << 20;
/// So many free pages may cost memory. Half of them do after some were given back.
const KEPT: usize = 64;

impl Pages {
    /// Takes a page, which may have any contents.
    pub(super) fn take(&mut self) -> NonNull<u8> {
        if let Some(page) = self.dirty.pop().or_else(|| self.clean.pop()) {
            return page;
        }
        if self.taken == REGION / PAGE || self.regions.is_empty() {
            let layout = alloc::Layout::new::<[u8; REGION]>();
            let Ok(region) = Reservation::zeroed(REGION) else { alloc::handle_alloc_error(layout) };
            // A huge page would cost as much as 512 chunks at the first one.
            region.small(0, REGION);
            self.regions.push(region);
            self.taken = 0;
        }
        let region = self.regions.last().expect("pushed above");
        self.taken += 1;
        // SAFETY: in the region, of which fewer pages were taken than it has.
        unsafe { region.base().byte_add((self.taken - 1) * PAGE) }
    }

    /// Frees pages. Gives memory back to the system where much is free.
    ///
    /// # Safety
    ///
    /// They were returned by `take`, and nothing uses them.
    pub(super) unsafe fn free(&mut self, pages: impl Iterator<Item = NonNull<u8>>) {
        self.dirty.extend(pages);
        if self.dirty.len() <= KEPT {
            return;
        }
        // Pages of few regions, one beside the other, are kept.
        self.dirty.sort_unstable();
        let mut surplus = self.dirty.split_off(KEPT / 2);
        self.dirty.shrink_to(2 * KEPT);
        for run in surplus.chunk_by(|a, b| a.addr().get() + PAGE == b.addr().get()) {
            self.release(run[0].addr().get(), run.len() * PAGE);
        }
        self.clean.append(&mut surplus);
    }

    /// Gives the memory of a range of free pages back. It may run over several regions.
    fn release(&self, mut start: usize, mut bytes: usize) {
        while bytes > 0 {
            let holds = |region: &&Reservation| start.wrapping_sub(region.base().addr().get()) < region.bytes();
            let region = self.regions.iter().find(holds).expect("a page of a region");
            let offset = start - region.base().addr().get();
            let here = bytes.min(region.bytes() - offset);
            // SAFETY: free pages of this region.
            unsafe { region.release(offset, here) };
            (start, bytes) = (start + here, bytes - here);
        }
    }

    /// Returns how many free pages cost memory.
    #[cfg(test)]
    fn dirty(&self) -> usize {
        self.dirty.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_given_back_and_taken_again() {
        let mut pages = Pages::default();
        let many = 3 * REGION / PAGE;
        let taken: Vec<_> = (0..many).map(|_| pages.take()).collect();
        for (n, &page) in taken.iter().enumerate() {
            assert!(page.addr().get().is_multiple_of(PAGE));
            // SAFETY: a page that was taken.
            unsafe { page.cast::<usize>().write(n) };
        }
        // SAFETY: as above.
        assert!(taken.iter().enumerate().all(|(n, page)| unsafe { page.cast::<usize>().read() } == n));
        // SAFETY: taken above; not used any more.
        unsafe { pages.free(taken.iter().copied().step_by(2)) };
        assert_eq!(pages.dirty(), KEPT / 2);
        // SAFETY: as above.
        assert!(taken.iter().enumerate().skip(1).step_by(2).all(|(n, p)| unsafe { p.cast::<usize>().read() } == n));
        // SAFETY: as above.
        unsafe { pages.free(taken.iter().copied().skip(1).step_by(2)) };
        assert_eq!(pages.dirty(), KEPT / 2);
        let mut again: Vec<_> = (0..many).map(|_| pages.take()).collect();
        again.sort_unstable();
        again.dedup();
        assert_eq!((again.len(), pages.regions.len()), (many, 3));
    }
}
