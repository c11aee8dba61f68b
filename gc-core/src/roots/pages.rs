//! The memory of chunks: a page for each, given back to the system one by one. A general allocator
//! keeps what is free between other memory, and so would keep nearly all of it where few roots of
//! many are left.
//!
//! - **[pages.no-lock]** The system is asked for a region, and given memory back, without the lock
//!   of this: a thread that finds no page unlocks, and brings a region; pages that are to be given
//!   back are on no list meanwhile.

use core::ptr::NonNull;
use std::alloc;

use crate::{
    memory::{PAGE, Reservation},
    sync::Arc,
};

/// Pages for chunks.
#[derive(Default)]
pub(super) struct Pages {
    regions: Vec<Arc<Reservation>>,
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

/// Reserves a region. The caller holds no lock.
pub(super) fn region() -> Arc<Reservation> {
    let layout = alloc::Layout::new::<[u8; REGION]>();
    let Ok(region) = Reservation::zeroed(REGION, c"gc-roots") else { alloc::handle_alloc_error(layout) };
    // A huge page would cost as much as 512 chunks at the first one.
    region.small(0, REGION);
    Arc::new(region)
}

impl Pages {
    /// Takes a page, which may have any contents. Returns `None` if it needs [another
    /// region](Self::add).
    pub(super) fn take(&mut self) -> Option<NonNull<u8>> {
        if let Some(page) = self.dirty.pop().or_else(|| self.clean.pop()) {
            return Some(page);
        }
        let region = self.regions.last().filter(|_| self.taken < REGION / PAGE)?;
        self.taken += 1;
        // SAFETY: in the region, of which fewer pages were taken than it has.
        Some(unsafe { region.base().byte_add((self.taken - 1) * PAGE) })
    }

    /// Adds a region. Returns it if there are pages without it: another thread has added one.
    pub(super) fn add(&mut self, region: Arc<Reservation>) -> Option<Arc<Reservation>> {
        if !self.regions.is_empty() && self.taken < REGION / PAGE {
            return Some(region);
        }
        self.regions.push(region);
        self.taken = 0;
        None
    }

    /// Frees pages. Returns those that are to be given back to the system, where much is free.
    ///
    /// # Safety
    ///
    /// They were returned by `take`, and nothing uses them.
    pub(super) unsafe fn free(&mut self, pages: impl Iterator<Item = NonNull<u8>>) -> Option<Surplus> {
        self.dirty.extend(pages);
        if self.dirty.len() <= KEPT {
            return None;
        }
        // Pages of few regions, one beside the other, are kept.
        self.dirty.sort_unstable();
        let pages = self.dirty.split_off(KEPT / 2);
        self.dirty.shrink_to(2 * KEPT);
        let mut ranges = Vec::new();
        for run in pages.chunk_by(|a, b| a.addr().get() + PAGE == b.addr().get()) {
            // It may run over several regions.
            let (mut start, mut bytes) = (run[0].addr().get(), run.len() * PAGE);
            while bytes > 0 {
                let holds = |region: &&Arc<Reservation>| start.wrapping_sub(region.base().addr().get()) < REGION;
                let region = self.regions.iter().find(holds).expect("a page of a region");
                let offset = start - region.base().addr().get();
                let here = bytes.min(REGION - offset);
                ranges.push((region.clone(), offset, here));
                (start, bytes) = (start + here, bytes - here);
            }
        }
        Some(Surplus { pages, ranges })
    }

    /// Lists pages whose memory was given back.
    pub(super) fn put_released(&mut self, mut surplus: Surplus) {
        self.clean.append(&mut surplus.pages);
    }

    /// Returns how many free pages cost memory.
    #[cfg(test)]
    fn dirty(&self) -> usize {
        self.dirty.len()
    }
}

/// Free pages that are to be given back ([pages.no-lock]).
pub(super) struct Surplus {
    pages: Vec<NonNull<u8>>,
    /// Where they lie, without a gap: offsets in their regions, and bytes.
    ranges: Vec<(Arc<Reservation>, usize, usize)>,
}

impl Surplus {
    /// Gives their memory back to the system. The caller holds no lock.
    pub(super) fn release(&self) {
        for (region, offset, bytes) in &self.ranges {
            // SAFETY: free pages of this region, which are on no list.
            unsafe { region.release(*offset, *bytes) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a page as the heap does.
    fn take(pages: &mut Pages) -> NonNull<u8> {
        pages.take().or_else(|| (pages.add(region()), pages.take()).1).expect("a region has pages")
    }

    /// Frees pages as the heap does.
    fn free(pages: &mut Pages, free: impl Iterator<Item = NonNull<u8>>) {
        // SAFETY: the caller took them, and does not use them any more.
        if let Some(surplus) = unsafe { pages.free(free) } {
            surplus.release();
            pages.put_released(surplus);
        }
    }

    #[test]
    fn pages_are_given_back_and_taken_again() {
        let mut pages = Pages::default();
        let many = 3 * REGION / PAGE;
        let taken: Vec<_> = (0..many).map(|_| take(&mut pages)).collect();
        assert!(pages.add(region()).is_none(), "all are taken");
        assert!(pages.add(region()).is_some(), "there are pages");
        for (n, &page) in taken.iter().enumerate() {
            assert!(page.addr().get().is_multiple_of(PAGE));
            // SAFETY: a page that was taken.
            unsafe { page.cast::<usize>().write(n) };
        }
        // SAFETY: as above.
        assert!(taken.iter().enumerate().all(|(n, page)| unsafe { page.cast::<usize>().read() } == n));
        free(&mut pages, taken.iter().copied().step_by(2));
        assert_eq!(pages.dirty(), KEPT / 2);
        // SAFETY: as above.
        assert!(taken.iter().enumerate().skip(1).step_by(2).all(|(n, p)| unsafe { p.cast::<usize>().read() } == n));
        free(&mut pages, taken.iter().copied().skip(1).step_by(2));
        assert_eq!(pages.dirty(), KEPT / 2);
        let mut again: Vec<_> = (0..many).map(|_| take(&mut pages)).collect();
        again.sort_unstable();
        again.dedup();
        assert_eq!((again.len(), pages.regions.len()), (many, 4), "none of the last region");
    }
}
