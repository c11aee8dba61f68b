//! Large objects: runs of pages that never move, and that are found from any of their pages.
//!
//! - **[run.pages]** Every page of a run in use knows the run's first page, whose descriptor stands for the run.
//! - **[run.published]** The thread that made the object stores `state` (Release) after the object's last element is written. A
//!   thread that finds the object loads it (Acquire).
//! - **[run.age]** A run is young from its allocation until the first minor collection, and old after it. It becomes old in a
//!   pause only. *Young* means its age: the address of a large object does not determine it.
//! - **[run.dead]** A dead run is on no list of the collector. The thread that drops its object frees it.
//! - **[run.bare]** A run that was never committed is committed by the thread that took it, without a lock and before it writes there.
//! - **[run.spare]** Runs in use and free ones keep as much memory together as was in use at a time in the last [`KEPT`] major cycles;
//!   at most their part of the goal, or twice what is in use; and that of a nursery. So a window of objects that come and go finds
//!   pages, and what a spike took goes back.

use crate::{
    memory::{
        Reservation, ReserveError,
        address_map::{AddressMap, PAGE},
    },
    object::{Header, TypeInfo},
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
};

use super::{
    free_runs::{FreeRuns, Kind, Span},
    peak::Peak,
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
    free: FreeRuns,
    /// Pages from here on have never been used.
    frontier: u32,
    /// The runs of old objects.
    pub(crate) old: Vec<u32>,
    /// The runs of old objects that wait to be swept: those that are not marked are dead.
    pub(crate) unswept: Vec<u32>,
    /// Pages in use.
    pub(crate) used_pages: usize,
    /// The most pages in use ([run.spare]).
    peak: Peak<{ KEPT - 1 }>,
}

/// The major cycles for which memory that was in use at a time is kept. They end earlier or later, with more or less in use; an object
/// on pages that were given back takes a page fault for each of them.
const KEPT: usize = 4;

/// A run that was taken for an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// Its first page.
    pub(crate) page: u32,
    /// Whether it has to be committed before it is used ([run.bare]).
    pub(crate) bare: bool,
}

impl LargeSpace {
    pub(crate) fn new(map: AddressMap) -> Self {
        Self {
            free: FreeRuns::new(u32::try_from(map.large.bytes / PAGE).unwrap_or(u32::MAX)),
            frontier: 0,
            old: Vec::new(),
            unswept: Vec::new(),
            used_pages: 0,
            peak: Peak::default(),
        }
    }

    /// Begins a sweep: every old run waits to be swept.
    pub(crate) fn begin_sweep(&mut self) {
        debug_assert!(self.unswept.is_empty());
        self.unswept = core::mem::take(&mut self.old);
    }

    /// Takes a run for an object whose cell has `bytes`, with the object's address `offset` bytes into it. The run is reserved,
    /// young and unmarked. Returns `None` if no free run has enough pages, or if `charge` (bytes) does not charge it, where it has no
    /// memory.
    pub(crate) fn take(
        &mut self,
        table: &RunTable,
        bytes: usize,
        offset: usize,
        charge: impl FnOnce(usize) -> bool,
    ) -> Option<Taken> {
        let pages = u32::try_from(bytes.div_ceil(PAGE)).ok()?;
        let (page, kind) = self.free.take(pages, || charge(pages as usize * PAGE))?;
        self.frontier = self.frontier.max(page + pages);
        self.used_pages += pages as usize;
        self.peak.note(self.used_pages);
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
        Some(Taken { page, bare: kind == Kind::Bare })
    }

    /// Takes back a run without an object.
    pub(crate) fn give_back(&mut self, table: &RunTable, page: u32) {
        self.put(table, page, Kind::Dirty);
    }

    /// Takes back a run that the system did not commit. Returns its bytes, which are charged in vain.
    pub(crate) fn put_bare(&mut self, table: &RunTable, page: u32) -> usize {
        self.put(table, page, Kind::Bare) * PAGE
    }

    fn put(&mut self, table: &RunTable, page: u32, kind: Kind) -> usize {
        let run = table.run(page as usize);
        let pages = run.pages();
        debug_assert_ne!(run.state(), RunState::Free);
        run.set_state(RunState::Free);
        self.used_pages -= pages;
        self.free.insert(Span { page, pages: pages as u32 }, kind);
        pages
    }

    /// Returns the offset in the reservation, and the bytes, of a run that is leaving.
    pub(crate) fn range(map: &AddressMap, run: Span) -> (usize, usize) {
        (map.offset(map.page_start(run.page as usize)), run.pages as usize * PAGE)
    }

    /// Returns the bytes of descriptors, as far as pages were ever used.
    pub(crate) fn side_bytes(&self) -> usize {
        self.frontier as usize * (size_of::<Run>() + size_of::<AtomicU32>())
    }

    /// Returns the bytes of free runs with memory behind them.
    pub(crate) fn dirty_bytes(&self) -> usize {
        self.free.dirty() * PAGE
    }

    /// Returns the bytes of free runs that are charged: those with memory behind them, and those about to be released.
    pub(crate) fn charged_free(&self) -> usize {
        self.free.charged() * PAGE
    }

    /// Ends a cycle. Returns the most bytes that were in use at a time, in the last [`KEPT`] ones ([run.spare]).
    pub(crate) fn peak(&mut self) -> usize {
        let most = self.peak.most();
        self.peak.begin(self.used_pages);
        most * PAGE
    }

    /// Takes free runs off the list, so that their memory can be released without a lock, until what is in use and what is free
    /// has `total` bytes; at most `most` bytes of them. [`put_released`](Self::put_released) lists them again.
    pub(crate) fn take_surplus(&mut self, total: usize, most: usize) -> Vec<Span> {
        self.free.take_surplus((total / PAGE).saturating_sub(self.used_pages), most / PAGE)
    }

    /// Lists runs whose memory was released.
    pub(crate) fn put_released(&mut self, runs: &[Span]) {
        self.free.put_clean(runs);
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
        let mut charged = 0;
        let mut take = |space: &mut LargeSpace, pages: usize| {
            let charge = |bytes| {
                charged += bytes / PAGE;
                true
            };
            Some(space.take(&table, pages * PAGE, 8, charge)?.page)
        };
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
        assert_eq!(space.charged_free(), PAGE);
        let leaving = space.take_surplus(0, usize::MAX);
        assert_eq!((leaving.len(), space.charged_free()), (1, PAGE));
        space.put_released(&leaving);
        assert_eq!((space.charged_free(), take(&mut space, 1)), (0, Some(5)), "the clean run");
        assert_eq!(charged, 7, "six pages first, one again after its release");
    }

    #[test]
    fn free_runs_keep_what_was_in_use_for_some_cycles() {
        let map = AddressMap::new(NonNull::<u128>::dangling().cast(), 0, 4 * BLOCK, 0);
        let table = RunTable::new(map).unwrap();
        let mut space = LargeSpace::new(map);
        let runs = [(); 8].map(|()| space.take(&table, 3 * PAGE, 8, |_| true).unwrap().page);
        runs[2..].iter().for_each(|&page| space.give_back(&table, page));
        let kept = |space: &mut LargeSpace| {
            let peak = space.peak();
            let leaving = space.take_surplus(peak, usize::MAX);
            space.put_released(&leaving);
            space.dirty_bytes() / PAGE
        };
        assert_eq!([(); KEPT].map(|()| kept(&mut space)), [18; KEPT]);
        assert_eq!(kept(&mut space), 0, "what was in use before is none");
        let again = space.take(&table, 3 * PAGE, 8, |_| true).unwrap();
        space.give_back(&table, again.page);
        assert_eq!(kept(&mut space), 3);
    }
}
