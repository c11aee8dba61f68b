//! Large objects: runs of pages that never move, and that are found from any of their pages.
//!
//! - **[run.pages]** Every page of a run in use knows the run's first page, whose descriptor stands for the run.
//! - **[run.published]** The thread that made the object stores `state` (Release) after the object's last element is written. A
//!   thread that finds the object loads it (Acquire).
//! - **[run.age]** A run is young from its allocation until the first minor collection, and old after it. It becomes old in a
//!   pause only. *Young* means its age: the address of a large object does not determine it.
//! - **[run.dead]** A dead run is on no list of the collector. The thread that drops its object frees it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    memory::{
        Memory, Reservation, ReserveError,
        address_map::{AddressMap, PAGE},
    },
    object::{Header, TypeInfo},
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
};

/// What a run holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum RunState {
    /// No object.
    Free,
    /// The run was handed out; its object is being made.
    Reserved,
    /// A live object.
    Live,
    /// A dead object that waits to be dropped.
    Dead,
}

/// The descriptor of a run. There is one per page, used if the page is the first of a run. All zero is a free run.
pub(crate) struct Run {
    state: AtomicU8,
    old: AtomicU8,
    marked: AtomicU8,
    pages: AtomicU32,
    /// Bytes from the first page to the object's address.
    offset: AtomicU32,
}

impl Run {
    pub(crate) fn state(&self) -> RunState {
        // Acquire, with the Release in `set_state` ([run.published]): the object of a live run is whole.
        match self.state.load(Ordering::Acquire) {
            0 => RunState::Free,
            1 => RunState::Reserved,
            2 => RunState::Live,
            _ => RunState::Dead,
        }
    }

    pub(crate) fn set_state(&self, state: RunState) {
        // Release: [run.published].
        self.state.store(state as u8, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn is_old(&self) -> bool {
        // Relaxed: ages change in pauses only, which order everything.
        self.old.load(Ordering::Relaxed) != 0
    }

    /// Makes the run old. Returns whether it was young.
    pub(crate) fn make_old(&self) -> bool {
        // Relaxed: in a pause; only the winner matters.
        self.old.swap(1, Ordering::Relaxed) == 0
    }

    pub(crate) fn is_marked(&self) -> bool {
        // Relaxed: as for `is_old`.
        self.marked.load(Ordering::Relaxed) != 0
    }

    /// Marks the run. Returns whether it was not marked.
    pub(crate) fn mark(&self) -> bool {
        // Relaxed: only the winner matters.
        self.marked.swap(1, Ordering::Relaxed) == 0
    }

    pub(crate) fn unmark(&self) {
        // Relaxed: in a pause.
        self.marked.store(0, Ordering::Relaxed);
    }

    pub(crate) fn pages(&self) -> usize {
        // Relaxed: written before the state was released.
        self.pages.load(Ordering::Relaxed) as usize
    }

    fn offset(&self) -> usize {
        // Relaxed: as for `pages`.
        self.offset.load(Ordering::Relaxed) as usize
    }
}

/// The descriptors of the large part, read without a lock.
pub(crate) struct RunTable {
    map: AddressMap,
    runs: Reservation,
    /// The first page of the run that a page belongs to.
    heads: Reservation,
}

impl RunTable {
    pub(crate) fn new(map: AddressMap) -> Result<Self, ReserveError> {
        let pages = map.large.bytes / PAGE;
        Ok(Self {
            map,
            runs: Reservation::zeroed((pages * size_of::<Run>()).next_multiple_of(PAGE))?,
            heads: Reservation::zeroed((pages * size_of::<AtomicU32>()).next_multiple_of(PAGE))?,
        })
    }

    /// Returns the descriptor of the run whose first page is `page`.
    #[inline(always)]
    pub(crate) fn run(&self, page: usize) -> &Run {
        debug_assert!(page < self.map.large.bytes / PAGE);
        // SAFETY: the table has a descriptor for every page of the part; all zero is a valid descriptor; descriptors consist of
        // atomics.
        unsafe { self.runs.base().cast::<Run>().add(page).as_ref() }
    }

    #[inline(always)]
    fn head(&self, page: usize) -> &AtomicU32 {
        debug_assert!(page < self.map.large.bytes / PAGE);
        // SAFETY: as for `run`.
        unsafe { self.heads.base().cast::<AtomicU32>().add(page).as_ref() }
    }

    /// Returns the first page of the run to which `address`, inside a large object, belongs ([run.pages]).
    #[inline(always)]
    pub(crate) fn page_of(&self, address: usize) -> usize {
        // Relaxed: written before the object was published.
        self.head(self.map.page_of(address)).load(Ordering::Relaxed) as usize
    }

    #[inline(always)]
    pub(crate) fn run_of(&self, address: usize) -> &Run {
        self.run(self.page_of(address))
    }

    /// Returns the address of the object in the run at `page`.
    pub(crate) fn address(&self, page: usize) -> *mut u8 {
        self.map.pointer(self.map.page_start(page) + self.run(page).offset())
    }

    /// Returns the object of a live or dead run.
    pub(crate) fn object(&self, page: usize) -> (*mut u8, &'static TypeInfo) {
        let address = self.address(page);
        debug_assert!(matches!(self.run(page).state(), RunState::Live | RunState::Dead));
        // SAFETY: a live or dead run holds an object, and a large object is never forwarded.
        (address, unsafe { Header::of(address).info() })
    }
}

/// The runs of pages of the large part.
pub(crate) struct LargeSpace {
    map: AddressMap,
    /// Free runs below the frontier: first page → pages, and whether the run is clean (without memory behind it). Neighbours of
    /// one kind are one run.
    free: BTreeMap<u32, FreeRun>,
    /// The same runs by (clean, pages, first page), to find the best fit, dirty ones first.
    by_size: BTreeSet<(bool, u32, u32)>,
    /// Pages from here on have never been used.
    frontier: u32,
    /// The runs of old objects.
    pub(crate) old: Vec<u32>,
    /// The runs of old objects that wait to be swept: those that are not marked are dead.
    pub(crate) unswept: Vec<u32>,
    /// Pages in use.
    pub(crate) used_pages: usize,
    /// Free pages with memory behind them.
    dirty_pages: usize,
}

#[derive(Clone, Copy)]
struct FreeRun {
    pages: u32,
    clean: bool,
}

/// The source of memory for runs of pages.
pub(crate) trait PageSource {
    /// Charges pages that get memory behind them. Returns `false` if the limit is reached.
    fn charge(&mut self, bytes: usize) -> bool;
    /// Commits pages that were never used (offset in the reservation, bytes).
    fn commit(&mut self, offset: usize, bytes: usize) -> bool;
}

impl LargeSpace {
    pub(crate) fn new(map: AddressMap) -> Self {
        Self {
            map,
            free: BTreeMap::new(),
            by_size: BTreeSet::new(),
            frontier: 0,
            old: Vec::new(),
            unswept: Vec::new(),
            used_pages: 0,
            dirty_pages: 0,
        }
    }

    /// Begins a sweep: every old run waits to be swept.
    pub(crate) fn begin_sweep(&mut self) {
        debug_assert!(self.unswept.is_empty());
        self.unswept = core::mem::take(&mut self.old);
    }

    /// Takes a run for an object whose cell has `bytes`, with the object's address `offset` bytes into it. The run is reserved,
    /// young and unmarked. Returns `None` if neither the free runs nor the source have enough pages.
    pub(crate) fn take(
        &mut self,
        table: &RunTable,
        bytes: usize,
        offset: usize,
        source: &mut impl PageSource,
    ) -> Option<u32> {
        let pages = u32::try_from(bytes.div_ceil(PAGE)).ok()?;
        let page = self.take_pages(pages, source)?;
        self.used_pages += pages as usize;
        // Room for every run in use, so that the list never grows in a pause.
        self.old.reserve(self.used_pages.saturating_sub(self.old.len()).min(1 << 10));
        for behind in page..page + pages {
            // Relaxed: published with the object ([run.published]).
            table.head(behind as usize).store(page, Ordering::Relaxed);
        }
        let run = table.run(page as usize);
        run.unmark();
        // Relaxed, the three of them: published with the object ([run.published]).
        run.old.store(0, Ordering::Relaxed);
        run.pages.store(pages, Ordering::Relaxed);
        run.offset.store(offset as u32, Ordering::Relaxed);
        run.set_state(RunState::Reserved);
        Some(page)
    }

    fn take_pages(&mut self, pages: u32, source: &mut impl PageSource) -> Option<u32> {
        for clean in [false, true] {
            let fit = self.by_size.range((clean, pages, 0)..).next().copied();
            let Some((_, found, page)) = fit.filter(|&(kind, ..)| kind == clean) else { continue };
            if clean && !source.charge(pages as usize * PAGE) {
                return None;
            }
            self.remove(page);
            if found > pages {
                self.insert(page + pages, found - pages, clean);
            }
            return Some(page);
        }
        let page = self.frontier;
        let end = page.checked_add(pages)?;
        let bytes = pages as usize * PAGE;
        if end as usize * PAGE > self.map.large.bytes || !source.charge(bytes) {
            return None;
        }
        // What was charged stays so if the commit fails: the next release finds the pages clean and charges nothing.
        if !source.commit(self.map.offset(self.map.page_start(page as usize)), bytes) {
            return None;
        }
        self.frontier = end;
        Some(page)
    }

    /// Takes back a run without an object.
    pub(crate) fn give_back(&mut self, table: &RunTable, page: u32) {
        let run = table.run(page as usize);
        let pages = run.pages() as u32;
        debug_assert_ne!(run.state(), RunState::Free);
        run.set_state(RunState::Free);
        self.used_pages -= pages as usize;
        self.insert(page, pages, false);
    }

    /// Adds a free run and joins it with its neighbours of the same kind.
    fn insert(&mut self, mut page: u32, mut pages: u32, clean: bool) {
        let before = self.free.range(..page).next_back().map(|(&start, &run)| (start, run));
        if let Some((start, run)) = before
            && run.clean == clean
            && start + run.pages == page
        {
            self.remove(start);
            page = start;
            pages += run.pages;
        }
        if let Some(&run) = self.free.get(&(page + pages))
            && run.clean == clean
        {
            self.remove(page + pages);
            pages += run.pages;
        }
        self.free.insert(page, FreeRun { pages, clean });
        self.by_size.insert((clean, pages, page));
        if !clean {
            self.dirty_pages += pages as usize;
        }
    }

    fn remove(&mut self, page: u32) {
        if let Some(run) = self.free.remove(&page) {
            self.by_size.remove(&(run.clean, run.pages, page));
            if !run.clean {
                self.dirty_pages -= run.pages as usize;
            }
        }
    }

    /// Returns the bytes of descriptors, as far as pages were ever used.
    pub(crate) fn side_bytes(&self) -> usize {
        self.frontier as usize * (size_of::<Run>() + size_of::<AtomicU32>())
    }

    /// Returns the bytes of free runs with memory behind them.
    pub(crate) fn dirty_bytes(&self) -> usize {
        self.dirty_pages * PAGE
    }

    /// Releases the memory of every free run through `release` (offset in the reservation, bytes). Returns the bytes.
    pub(crate) fn release_free(&mut self, mut release: impl FnMut(usize, usize)) -> usize {
        let released = self.dirty_bytes();
        let dirty: Vec<(u32, u32)> =
            self.free.iter().filter(|(_, run)| !run.clean).map(|(&page, run)| (page, run.pages)).collect();
        for (page, pages) in dirty {
            release(self.map.offset(self.map.page_start(page as usize)), pages as usize * PAGE);
            self.remove(page);
            self.insert(page, pages, true);
        }
        released
    }
}

/// Charges and commits runs of pages for large objects.
pub(crate) struct Pages<'a>(pub(crate) &'a Memory);

impl PageSource for Pages<'_> {
    fn charge(&mut self, bytes: usize) -> bool {
        self.0.budget.charge(bytes)
    }

    fn commit(&mut self, offset: usize, bytes: usize) -> bool {
        let committed = self.0.commit(offset, bytes);
        if !committed {
            self.0.budget.discharge(bytes);
        }
        committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::BLOCK;
    use core::ptr::NonNull;

    #[test]
    fn runs_are_reused_split_and_joined() {
        let map = AddressMap::new(NonNull::<u128>::dangling().cast(), 0, 4 * BLOCK, 0);
        let table = RunTable::new(map).unwrap();
        let mut space = LargeSpace::new(map);
        struct Any(usize);
        impl PageSource for Any {
            fn charge(&mut self, bytes: usize) -> bool {
                self.0 += bytes / PAGE;
                true
            }
            fn commit(&mut self, _: usize, _: usize) -> bool {
                true
            }
        }
        let mut source = Any(0);
        let mut take = |space: &mut LargeSpace, pages: usize| space.take(&table, pages * PAGE, 8, &mut source);
        let a = take(&mut space, 3).unwrap();
        let b = take(&mut space, 2).unwrap();
        let c = take(&mut space, 1).unwrap();
        assert_eq!((a, b, c, space.used_pages), (0, 3, 5, 6));
        assert_eq!(table.page_of(map.page_start(4) + 77), 3);
        space.give_back(&table, a);
        assert_eq!(take(&mut space, 1), Some(0));
        space.give_back(&table, b);
        assert_eq!(take(&mut space, 4), Some(1), "the rest of a and b are one run");
        space.give_back(&table, c);
        assert_eq!(take(&mut space, 64), None, "the part has 64 pages, some in use");
        assert_eq!((space.release_free(|_, _| ()), space.dirty_bytes()), (PAGE, 0));
        assert_eq!(take(&mut space, 1), Some(5), "the clean run");
        assert_eq!(source.0, 7, "six pages first, one again after its release");
    }
}
