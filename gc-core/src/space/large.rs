//! Large objects: runs of lines that never move, and that are found from any of their addresses.
//!
//! - **[run.page]** A run has a page at least, so no more than one begins in a page. The page
//!   stands for the run, and its descriptor says with which of its lines the run begins. What lies
//!   before that line, and a page in which none begins, belongs to the run that the page knows as
//!   its head.
//! - **[run.begin]** The thread that takes a run writes where it begins, and that in its other
//!   pages none begins before its end. In its last page a run may begin behind it, now or later. So
//!   a thread that looks for the run of an address finds the same one whatever is taken or freed
//!   beside it.
//! - **[run.published]** The thread that made the object stores `state` (Release) after the
//!   object's last element is written. A thread that finds the object loads it (Acquire).
//! - **[run.age]** A run is young from its allocation until the first minor collection, and old
//!   after it. It becomes old in a pause only. *Young* means its age: the address of a large object
//!   does not determine it.
//! - **[run.dead]** A dead run is on no list of the collector. The thread that drops its object
//!   frees it.
//! - **[run.bare]** Pages of a run that were never committed are committed by the thread that took
//!   it, without a lock and before it writes there. No other run begins in the last one until then.
//! - **[run.spare]** Runs in use and free ones keep as much memory together as a major cycle that
//!   ends late may use: their part of the goal, a tenth more, and a nursery; or twice what is in
//!   use, if that is more. Unless the last cycle was begun by growth, they keep no more than was in
//!   use at a time in the last [`KEPT`] ones. A nursery is kept beside. So a window of objects that
//!   come and go finds pages, however late the heap's threads get a core, and what a spike took
//!   goes back.

use crate::{
    memory::{
        Reservation, ReserveError,
        address_map::{AddressMap, LINE, PAGE},
    },
    object::{Header, MAX_SMALL, TypeInfo},
    sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering},
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

/// The descriptor of a run. There is one per page, used if a run begins in the page. All zero is a
/// free run.
pub(crate) struct Run {
    state: AtomicU8,
    old: AtomicU8,
    marked: AtomicU8,
    /// The line of the page with which the run begins, or [`NONE`].
    begin: AtomicU8,
    /// Whether the object needs dropping: a dead one that does not is not looked at, since it is in
    /// no cache.
    drops: AtomicU8,
    /// Bytes from the start of the page to the object's address.
    offset: AtomicU16,
    bytes: AtomicUsize,
}

/// The lines of a page, and so a line that is behind them all: no run begins in the page.
const NONE: u8 = (PAGE / LINE) as u8;
const _: () = assert!(MAX_SMALL >= PAGE, "a large object has a page at least");

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

    /// Makes the object live, which is complete now.
    pub(crate) fn publish(&self, drops: bool) {
        // Relaxed: published by `set_state`.
        self.drops.store(u8::from(drops), Ordering::Relaxed);
        self.set_state(RunState::Live);
    }

    pub(crate) fn drops(&self) -> bool {
        // Relaxed: written before the state was released.
        self.drops.load(Ordering::Relaxed) != 0
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
        // Acquire, with the Release in `mark`: a mutator that looks while others mark sees what was done before the mark was set.
        self.marked.load(Ordering::Acquire) != 0
    }

    /// Marks the run. Returns whether it was not marked.
    pub(crate) fn mark(&self) -> bool {
        // Release, with the Acquire in `is_marked`; otherwise only the winner matters.
        self.marked.swap(1, Ordering::Release) == 0
    }

    pub(crate) fn unmark(&self) {
        // Relaxed: in a pause.
        self.marked.store(0, Ordering::Relaxed);
    }

    /// Returns the bytes of the run.
    pub(crate) fn bytes(&self) -> usize {
        // Relaxed: written before the state was released.
        self.bytes.load(Ordering::Relaxed)
    }

    fn offset(&self) -> usize {
        // Relaxed: as for `bytes`.
        self.offset.load(Ordering::Relaxed) as usize
    }
}

/// The descriptors of the large part, read without a lock.
pub(crate) struct RunTable {
    map: AddressMap,
    runs: Reservation,
    /// The page of the run to which the first line of a page belongs, where none begins with it.
    heads: Reservation,
}

impl RunTable {
    pub(crate) fn new(map: AddressMap) -> Result<Self, ReserveError> {
        let pages = map.large.bytes / PAGE;
        Ok(Self {
            map,
            runs: Reservation::zeroed((pages * size_of::<Run>()).next_multiple_of(PAGE), c"gc-runs")?,
            heads: Reservation::zeroed((pages * size_of::<AtomicU32>()).next_multiple_of(PAGE), c"gc-heads")?,
        })
    }

    /// Returns the descriptor of the run that begins in `page`.
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

    /// Returns the page of the run to which `address`, inside a large object, belongs ([run.page]).
    #[inline(always)]
    pub(crate) fn page_of(&self, address: usize) -> usize {
        let offset = self.map.large.offset(address);
        let (page, line) = (offset / PAGE, offset % PAGE / LINE);
        // Relaxed, both: written before the object was published. Where other runs begin makes no difference ([run.begin]).
        if usize::from(self.run(page).begin.load(Ordering::Relaxed)) <= line {
            page
        } else {
            self.head(page).load(Ordering::Relaxed) as usize
        }
    }

    /// Returns where the run at `page` begins, in bytes from the start of the part.
    fn start(&self, page: usize) -> usize {
        // Relaxed: as in `page_of`.
        page * PAGE + usize::from(self.run(page).begin.load(Ordering::Relaxed)) * LINE
    }

    /// Writes where a run begins, and that none does in its other pages ([run.begin]). The caller
    /// holds the lock of the large part.
    fn begin(&self, run: Span) {
        let page = run.start / PAGE;
        let set = |page: usize, line: u8| self.run(page).begin.store(line, Ordering::Relaxed);
        // Relaxed, all of them: published with the object ([run.published]).
        set(page, (run.start % PAGE / LINE) as u8);
        let last = (run.end() - 1) / PAGE;
        for behind in page + 1..=last {
            self.head(behind).store(page as u32, Ordering::Relaxed);
            let lines = (run.end() - behind * PAGE) / LINE;
            if behind < last || usize::from(self.run(behind).begin.load(Ordering::Relaxed)) < lines {
                set(behind, NONE);
            }
        }
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

/// The runs of the large part.
pub(crate) struct LargeSpace {
    free: FreeRuns,
    /// Pages from here on have never been used.
    frontier: usize,
    /// The runs of old objects.
    pub(crate) old: Vec<u32>,
    /// The runs of old objects that wait to be swept: those that are not marked are dead.
    pub(crate) unswept: Vec<u32>,
    /// Bytes in use.
    pub(crate) used: usize,
    /// The most bytes in use ([run.spare]).
    peak: Peak<KEPT>,
    /// Whether growth has begun the last major cycle.
    grows: bool,
}

/// The major cycles for which memory that was in use at a time is kept: an object on pages that
/// were given back takes a page fault for each of them.
const KEPT: usize = 4;

/// A run that was taken for an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// The page in which it begins.
    pub(crate) page: u32,
    /// What of it has to be committed before it is used ([run.bare]).
    pub(crate) bare: Option<Span>,
}

impl LargeSpace {
    pub(crate) fn new(map: AddressMap) -> Self {
        Self {
            // Pages have numbers of 32 bits.
            free: FreeRuns::new(map.large.bytes.min(u32::MAX as usize * PAGE)),
            frontier: 0,
            old: Vec::new(),
            unswept: Vec::new(),
            used: 0,
            peak: Peak::default(),
            grows: false,
        }
    }

    /// Begins a sweep: every old run waits to be swept.
    pub(crate) fn begin_sweep(&mut self) {
        debug_assert!(self.unswept.is_empty());
        self.unswept = core::mem::take(&mut self.old);
    }

    /// Takes a run for an object whose cell has `bytes` and lies on a multiple of `align`, with the
    /// object's address `offset` bytes into it. The run is reserved, young and unmarked. Returns
    /// `None` if no free run is large enough, or if `charge` (bytes) does not charge it, where it
    /// has no memory.
    pub(crate) fn take(
        &mut self,
        table: &RunTable,
        bytes: usize,
        offset: usize,
        align: usize,
        charge: impl FnOnce(usize) -> bool,
    ) -> Option<Taken> {
        // Every run lies on a line.
        let bytes = (bytes + align.saturating_sub(LINE)).next_multiple_of(LINE);
        debug_assert!(bytes >= PAGE, "[run.page]");
        let found = self.free.take(bytes, charge)?;
        let (start, page) = (found.start, found.start / PAGE);
        self.frontier = self.frontier.max((start + bytes).div_ceil(PAGE));
        self.used += bytes + rest(start + bytes, found.bare).bytes;
        self.peak.note(self.used);
        // Room for every run in use, so that the list never grows in a pause.
        self.old.reserve((self.used / PAGE).saturating_sub(self.old.len()).min(1 << 10));
        table.begin(Span { start, bytes });
        let run = table.run(page);
        run.unmark();
        // Relaxed, the three of them: published with the object ([run.published]).
        run.old.store(0, Ordering::Relaxed);
        run.bytes.store(bytes, Ordering::Relaxed);
        run.offset.store((start.next_multiple_of(align) - page * PAGE + offset) as u16, Ordering::Relaxed);
        run.set_state(RunState::Reserved);
        Some(Taken { page: page as u32, bare: found.bare })
    }

    /// Lists what is behind a run whose bare pages are committed now.
    pub(crate) fn committed(&mut self, table: &RunTable, taken: Taken) {
        let page = taken.page as usize;
        let rest = rest(table.start(page) + table.run(page).bytes(), taken.bare);
        self.used -= rest.bytes;
        self.free.insert(rest, Kind::Dirty);
    }

    /// Takes back a run without an object.
    pub(crate) fn give_back(&mut self, table: &RunTable, page: u32) {
        let run = self.put(table, page);
        self.free.insert(run, Kind::Dirty);
    }

    /// Takes back a run with pages that the system did not commit. Returns their bytes, which are
    /// charged in vain.
    pub(crate) fn put_bare(&mut self, table: &RunTable, taken: Taken) -> usize {
        let run = self.put(table, taken.page);
        let bare = taken.bare.unwrap_or(Span { start: run.start, bytes: 0 });
        self.used -= rest(run.end(), taken.bare).bytes;
        self.free.insert(Span::between(run.start, bare.start), Kind::Dirty);
        self.free.insert(bare, Kind::Bare);
        self.free.insert(Span::between(bare.end(), run.end().max(bare.end())), Kind::Dirty);
        bare.bytes
    }

    /// Makes a run free, which is not listed yet.
    fn put(&mut self, table: &RunTable, page: u32) -> Span {
        let run = table.run(page as usize);
        debug_assert_ne!(run.state(), RunState::Free);
        run.set_state(RunState::Free);
        let run = Span { start: table.start(page as usize), bytes: run.bytes() };
        self.used -= run.bytes;
        run
    }

    /// Returns the offset in the reservation of bytes of the part.
    pub(crate) fn offset(map: &AddressMap, run: Span) -> usize {
        map.offset(map.large.start) + run.start
    }

    /// Returns the bytes of descriptors, as far as pages were ever used.
    pub(crate) fn side_bytes(&self) -> usize {
        self.frontier * (size_of::<Run>() + size_of::<AtomicU32>())
    }

    /// Returns the bytes of free runs with memory behind them.
    pub(crate) fn dirty_bytes(&self) -> usize {
        self.free.dirty()
    }

    /// Returns the bytes of free runs that are charged, and will not be when they are given back:
    /// whole pages of those with memory behind them, and those about to be released.
    pub(crate) fn charged_free(&self) -> usize {
        self.free.releasable()
    }

    /// Ends a major cycle, which was begun by growth or by something else.
    pub(crate) fn end_cycle(&mut self, by_growth: bool) {
        self.peak.begin(self.used);
        self.grows = by_growth;
    }

    /// Returns how many bytes are kept in use and free, where a cycle that ends late uses up to
    /// `late` ([run.spare]).
    pub(crate) fn kept(&self, late: usize) -> usize {
        let most = late.max(2 * self.used);
        if self.grows { most } else { most.min(self.peak.most()) }
    }

    /// Takes free runs off the list, so that their memory can be released without a lock, until
    /// what is in use and what is free has `total` bytes; at most `most` bytes of them.
    /// [`put_released`](Self::put_released) lists them again.
    pub(crate) fn take_surplus(&mut self, total: usize, most: usize) -> Vec<Span> {
        self.free.take_surplus(total.saturating_sub(self.used), most)
    }

    /// Lists runs whose memory was released.
    pub(crate) fn put_released(&mut self, runs: &[Span]) {
        self.free.put_clean(runs);
    }
}

/// Returns the lines behind a run that ends at `end`, in pages that were taken whole for it.
fn rest(end: usize, bare: Option<Span>) -> Span {
    Span::between(end, bare.map_or(end, |bare| bare.end().max(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::BLOCK;
    use core::{num::NonZero, ptr::NonNull};

    fn part() -> (RunTable, LargeSpace) {
        let map = AddressMap::new(NonNull::without_provenance(NonZero::new(BLOCK).unwrap()), 0, 4 * BLOCK, 0);
        (RunTable::new(map).unwrap(), LargeSpace::new(map))
    }

    /// Takes a run, and commits it. Returns where it begins.
    fn take(
        space: &mut LargeSpace,
        table: &RunTable,
        bytes: usize,
        charge: impl FnOnce(usize) -> bool,
    ) -> Option<usize> {
        let taken = space.take(table, bytes, 8, 8, charge)?;
        space.committed(table, taken);
        Some(table.start(taken.page as usize))
    }

    #[test]
    fn runs_are_reused_split_and_joined() {
        let (table, mut space) = part();
        let mut charged = 0;
        let mut take = |space: &mut LargeSpace, pages: usize| {
            let charge = |bytes| {
                charged += bytes / PAGE;
                true
            };
            Some(take(space, &table, pages * PAGE, charge)? / PAGE)
        };
        let a = take(&mut space, 3).unwrap();
        let b = take(&mut space, 2).unwrap();
        let c = take(&mut space, 1).unwrap();
        assert_eq!((a, b, c, space.used), (0, 3, 5, 6 * PAGE));
        assert_eq!(table.page_of(table.map.page_start(4) + 77), 3);
        space.give_back(&table, a as u32);
        assert_eq!(take(&mut space, 1), Some(0));
        space.give_back(&table, b as u32);
        assert_eq!(take(&mut space, 4), Some(1), "the rest of a and b are one run");
        space.give_back(&table, c as u32);
        assert_eq!(take(&mut space, 64), None, "the part has 64 pages, some in use");
        assert_eq!(space.charged_free(), PAGE);
        let leaving = space.take_surplus(0, usize::MAX);
        assert_eq!((leaving.len(), space.charged_free()), (1, PAGE));
        space.put_released(&leaving);
        assert_eq!((space.charged_free(), take(&mut space, 1)), (0, Some(5)), "the clean run");
        assert_eq!(charged, 7, "six pages first, one again after its release");
    }

    /// Objects of all sizes come and go: every line of each finds its run, whatever was in its
    /// pages before and is beside it now.
    #[test]
    fn a_run_is_found_from_all_of_its_lines() {
        let (table, mut space) = part();
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for step in 0..2000_usize {
            let lines = PAGE / LINE + step * 37 % 150;
            match take(&mut space, &table, lines * LINE, |_| true) {
                Some(start) => runs.push((start, lines)),
                None => {
                    for _ in 0..1 + step % 5 {
                        let (start, _) = runs.swap_remove(step * 31 % runs.len());
                        space.give_back(&table, (start / PAGE) as u32);
                    }
                }
            }
            if step % 100 == 99 {
                let leaving = space.take_surplus(0, 8 * PAGE);
                space.put_released(&leaving);
            }
            for &(start, lines) in &runs {
                for line in 0..lines {
                    let address = table.map.large.start + start + line * LINE + step % LINE;
                    assert_eq!(table.page_of(address), start / PAGE, "step {step}, line {line} of {lines}");
                }
            }
        }
        assert_eq!(space.used, runs.iter().map(|(_, lines)| lines * LINE).sum::<usize>());
    }

    #[test]
    fn an_object_lies_on_its_alignment() {
        let (table, mut space) = part();
        for align in [8, 16, 64, 128, 1024, 4096] {
            let taken = space.take(&table, 3 * PAGE + 48, align, align, |_| true).unwrap();
            space.committed(&table, taken);
            let page = taken.page as usize;
            let (address, start) = (table.address(page).addr(), table.map.large.start + table.start(page));
            assert!(address.is_multiple_of(align) && address >= start + align, "{align}");
            assert!(address - align + 3 * PAGE + 48 <= start + table.run(page).bytes(), "{align}");
            assert_eq!(table.page_of(address), page);
        }
    }

    #[test]
    fn nothing_begins_in_a_page_that_is_not_committed_yet() {
        let (table, mut space) = part();
        let [first, second] = [(); 2].map(|()| space.take(&table, PAGE + LINE, 8, 8, |_| true).unwrap());
        assert_eq!(
            (first.bare, second.bare),
            (Some(Span { start: 0, bytes: 2 * PAGE }), Some(Span { start: 2 * PAGE, bytes: 2 * PAGE }))
        );
        assert_eq!((space.used, space.dirty_bytes()), (4 * PAGE, 0));
        space.committed(&table, first);
        assert_eq!((space.used, space.dirty_bytes()), (3 * PAGE + LINE, PAGE - LINE));
        assert_eq!(space.put_bare(&table, second), 2 * PAGE);
        assert_eq!((space.used, space.dirty_bytes()), (PAGE + LINE, PAGE - LINE));
        assert_eq!(take(&mut space, &table, PAGE + LINE, |bytes| bytes == PAGE), Some(PAGE + LINE), "behind the first");
    }

    #[test]
    fn free_runs_keep_what_was_in_use_for_some_cycles() {
        let (table, mut space) = part();
        let runs = [(); 8].map(|()| take(&mut space, &table, 3 * PAGE, |_| true).unwrap() / PAGE);
        runs[2..].iter().for_each(|&page| space.give_back(&table, page as u32));
        let kept = |space: &mut LargeSpace, late: usize, by_growth: bool| {
            space.end_cycle(by_growth);
            let leaving = space.take_surplus(space.kept(late * PAGE), usize::MAX);
            space.put_released(&leaving);
            space.dirty_bytes() / PAGE
        };
        assert_eq!([(); KEPT].map(|()| kept(&mut space, 100, false)), [18; KEPT]);
        assert_eq!(kept(&mut space, 100, false), 0, "what was in use before is none");
        let again = take(&mut space, &table, 3 * PAGE, |_| true).unwrap();
        space.give_back(&table, (again / PAGE) as u32);
        assert_eq!(kept(&mut space, 100, false), 3);
        assert_eq!([(); 2 * KEPT].map(|()| kept(&mut space, 9, true)), [3; 2 * KEPT], "there will be a late cycle");
        let more = [(); 4].map(|()| take(&mut space, &table, 3 * PAGE, |_| true).unwrap() / PAGE);
        more.iter().for_each(|&page| space.give_back(&table, page as u32));
        assert_eq!(kept(&mut space, 14, true), 8, "of 12, less than a late cycle uses with the 6 that are in use");
        assert_eq!(kept(&mut space, 9, true), 6, "twice what is in use");
    }
}
