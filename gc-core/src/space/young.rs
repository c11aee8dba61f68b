//! The young part, handed out in chunks. All objects of a chunk have the same age.
//!
//! A mutator allocates in a *region* of a chunk of generation 0, which is the whole chunk for a
//! mutator that allocates much. Small regions of many mutators share a chunk, and what a mutator
//! leaves of its region is the next one's.
//!
//! - **[chunk.no-gaps]** Below a chunk's `top` lie headers of objects and fillers without a gap,
//!   except in the regions that mutators allocate in; above it lies nothing.
//! - **[chunk.regions]** Regions in use lie below the `top` of their chunks, and do not overlap
//!   each other or a vacant region. A vacant region is a filler. No region outlives a pause.
//! - **[chunk.committed]** A chunk that is handed out is committed. Free chunks keep their memory,
//!   because giving nursery memory back costs more than allocating in it. Only the memory that a
//!   burst without safepoints took beyond the nursery is released.
//! - **[chunk.for-survivors]** A chunk of generation 0 comes from new memory rather than from the
//!   empty chunks that the next collection is expected to copy into. These were in use before, so
//!   the system backs them: a nursery that has just grown is touched first by the program, not in
//!   the pause.

use core::{cmp::Reverse, ptr::NonNull};

use crate::{
    memory::{
        Reservation, ReserveError,
        address_map::{AddressMap, HUGE_PAGE, PAGE, Part},
    },
    object::{Header, MAX_ALIGN, MAX_SMALL},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use super::empty_blocks::Unit;

/// How old the objects of a chunk are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Age {
    /// No objects.
    Free,
    /// Generation 0.
    Fresh,
    /// Generation 1: they survived one minor collection.
    Survivor,
    /// To-space of the running collection: generation 1 from its end on.
    Arriving,
}

impl Age {
    #[inline(always)]
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Fresh,
            2 => Self::Survivor,
            3 => Self::Arriving,
            _ => Self::Free,
        }
    }
}

/// The age of each chunk, read without a lock. All zero is free.
pub(crate) struct Ages {
    part: Part,
    shift: u32,
    bytes: Reservation,
}

impl Ages {
    fn new(part: Part, shift: u32) -> Result<Self, ReserveError> {
        let chunks = part.bytes >> shift;
        Ok(Self { part, shift, bytes: Reservation::zeroed(chunks.next_multiple_of(PAGE).max(PAGE), c"gc-ages")? })
    }

    #[inline(always)]
    fn cell(&self, index: usize) -> &AtomicU8 {
        debug_assert!(index < self.part.bytes >> self.shift);
        // SAFETY: the table has a byte for every chunk of the part, and is only accessed as atomics.
        unsafe { self.bytes.base().cast::<AtomicU8>().add(index).as_ref() }
    }

    #[inline(always)]
    fn get(&self, index: usize) -> Age {
        // Relaxed: ages change under the lock of the young generation or in a pause. A thread that finds an address in a chunk
        // that was taken in this very pause has acquired the slot in which it found the address.
        Age::of(self.cell(index).load(Ordering::Relaxed))
    }

    fn set(&self, index: usize, age: Age) {
        // Relaxed: as in `get`.
        self.cell(index).store(age as u8, Ordering::Relaxed);
    }

    /// Returns the age of the chunk at an address of the young part.
    #[inline(always)]
    pub(crate) fn at(&self, address: usize) -> Age {
        self.get(self.part.offset(address) >> self.shift)
    }
}

/// A part of a chunk of generation 0 in which one mutator allocates ([chunk.regions]).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub(crate) chunk: u32,
    pub(crate) start: *mut u8,
    pub(crate) bytes: usize,
}

/// A filler in a chunk of generation 0 that a mutator may allocate in.
#[derive(Clone, Copy)]
struct Vacant {
    chunk: u32,
    /// Offsets in the chunk.
    start: u32,
    end: u32,
}

/// How far a chunk is filled.
#[derive(Clone, Copy, Default)]
struct Fill {
    /// The offset of the end of its objects and fillers.
    top: u32,
    /// Bytes below `top` that retired regions have left unused.
    unused: u32,
}

/// The smallest region that is handed out from the free end of a chunk: it holds every small object
/// at any alignment.
pub(crate) const MIN_REGION: usize = 16 << 10;
const _: () = assert!(MIN_REGION > MAX_SMALL + MAX_ALIGN);
/// A smaller rest of a region is not handed out again.
const MIN_VACANT: usize = 1 << 10;
/// How many vacant regions are examined for one that is large enough.
const EXAMINED: usize = 8;

/// The chunks of the young part.
pub(crate) struct YoungSpace {
    part: Part,
    map: AddressMap,
    shift: u32,
    /// The age of every chunk.
    pub(crate) ages: Arc<Ages>,
    /// For every chunk that was ever handed out.
    fills: Vec<Fill>,
    /// Chunks of generation 0 with room for a region above `top`.
    open: Vec<u32>,
    vacant: Vec<Vacant>,
    /// Empty chunks with memory that is charged, the most recently used last.
    free: Vec<u32>,
    /// Empty chunks whose memory was given back.
    released: Vec<u32>,
    /// The number of chunks on their way from `free` to `released`.
    releasing: usize,
    /// How many chunks of `free` are for survivors ([chunk.for-survivors]).
    for_survivors: usize,
    /// The most chunks in use since [`spare`](Self::spare) was called, and between that and the
    /// call before.
    peak: usize,
    last_peak: usize,
}

impl YoungSpace {
    pub(crate) fn new(map: AddressMap, chunk_bytes: usize) -> Result<Self, ReserveError> {
        debug_assert!(chunk_bytes.is_power_of_two());
        let shift = chunk_bytes.ilog2();
        Ok(Self {
            part: map.young,
            map,
            shift,
            ages: Arc::new(Ages::new(map.young, shift)?),
            fills: Vec::new(),
            open: Vec::new(),
            vacant: Vec::new(),
            free: Vec::new(),
            released: Vec::new(),
            releasing: 0,
            for_survivors: 0,
            peak: 0,
            last_peak: 0,
        })
    }

    pub(crate) fn chunk_bytes(&self) -> usize {
        1 << self.shift
    }

    /// Returns the number of chunks that hold or may hold objects.
    pub(crate) fn in_use(&self) -> usize {
        self.fills.len() - self.free.len() - self.released.len() - self.releasing
    }

    /// Returns the bytes of chunks that are charged.
    pub(crate) fn charged_bytes(&self) -> usize {
        (self.fills.len() - self.released.len() - self.releasing) << self.shift
    }

    /// Returns the bytes of empty chunks that are charged, and of those about to be released.
    pub(crate) fn empty_bytes(&self) -> usize {
        (self.free.len() + self.releasing) << self.shift
    }

    /// Has the empty chunks stay that so many bytes of survivors need ([chunk.for-survivors]).
    pub(crate) fn expect_survivors(&mut self, bytes: usize) {
        self.for_survivors = bytes.div_ceil(self.chunk_bytes());
    }

    /// Returns how many chunks that is.
    #[cfg(test)]
    pub(crate) fn for_survivors(&self) -> usize {
        self.for_survivors
    }

    /// Takes an empty chunk, if one is committed or `commit` (offset in the reservation, bytes)
    /// commits one.
    pub(crate) fn take(&mut self, age: Age, commit: impl FnOnce(usize, usize) -> bool) -> Option<u32> {
        let kept = if age == Age::Fresh { self.for_survivors } else { 0 };
        let empty = if self.free.len() > kept { self.free.pop() } else { self.take_new(commit) };
        let index = empty.or_else(|| self.free.pop())?;
        self.set(index, age);
        self.peak = self.peak.max(self.in_use());
        Some(index)
    }

    /// Takes a chunk without memory, for which `commit` commits some.
    fn take_new(&mut self, commit: impl FnOnce(usize, usize) -> bool) -> Option<u32> {
        let (bytes, released) = (self.chunk_bytes(), self.released.last().copied());
        let index = released.unwrap_or(self.fills.len() as u32);
        if (index as usize + 1) * bytes > self.part.bytes || !commit(self.offset(index), bytes) {
            return None;
        }
        if released.is_some() {
            self.released.pop();
        } else {
            self.fills.push(Fill::default());
            // Room for every chunk, so that giving one back never allocates.
            self.free.reserve(self.fills.len());
        }
        Some(index)
    }

    fn set(&mut self, index: u32, age: Age) {
        self.ages.set(index as usize, age);
        self.fills[index as usize] = Fill::default();
    }

    /// Takes a region for an object of at most `least` bytes with its header and the gap before it:
    /// vacant memory if there is some, or up to `bytes` of a chunk with room. If there is none, it
    /// takes a chunk as [`take`](Self::take) does.
    pub(crate) fn take_region(
        &mut self,
        least: usize,
        bytes: usize,
        commit: impl FnOnce(usize, usize) -> bool,
    ) -> Option<Region> {
        let bytes = bytes.max(MIN_REGION);
        let large_enough = |vacant: &Vacant| (vacant.end - vacant.start) as usize >= least;
        if let Some(back) = self.vacant.iter().rev().take(EXAMINED).position(large_enough) {
            let Vacant { chunk, start, end } = self.vacant.swap_remove(self.vacant.len() - 1 - back);
            self.fills[chunk as usize].unused -= end - start;
            return Some(self.region(chunk, start as usize, end as usize));
        }
        let chunk = match self.open.pop() {
            Some(chunk) => chunk,
            None => self.take(Age::Fresh, commit)?,
        };
        let start = self.fills[chunk as usize].top as usize;
        let left = self.chunk_bytes() - start;
        let end = if left - bytes.min(left) < MIN_REGION { self.chunk_bytes() } else { start + bytes };
        self.fills[chunk as usize].top = end as u32;
        if end < self.chunk_bytes() {
            self.open.push(chunk);
        }
        Some(self.region(chunk, start, end))
    }

    fn region(&self, chunk: u32, start: usize, end: usize) -> Region {
        Region { chunk, start: self.start(chunk).wrapping_add(start), bytes: end - start }
    }

    /// Takes back a region whose objects end at the address `top`. The next mutator may use the
    /// rest.
    pub(crate) fn retire_region(&mut self, region: Region, top: usize) {
        let Region { chunk, start, bytes } = region;
        let offset = start.addr() - self.start(chunk).addr();
        let (used, end) = (top - start.addr(), offset + bytes);
        debug_assert!(used <= bytes);
        let chunk_bytes = self.chunk_bytes();
        let fill = &mut self.fills[chunk as usize];
        if end == fill.top as usize {
            let was_open = chunk_bytes - end >= MIN_REGION;
            fill.top = (offset + used) as u32;
            if !was_open && chunk_bytes - (offset + used) >= MIN_REGION {
                self.open.push(chunk);
            }
            return;
        }
        let rest = bytes - used;
        if rest == 0 {
            return;
        }
        fill.unused += rest as u32;
        let filler = NonNull::new(start.wrapping_add(used)).expect("no chunk is at address 0");
        // SAFETY: `rest` bytes of the region, above its objects, which no mutator uses any more.
        unsafe { Header::at(filler).write_filler(rest) };
        if rest >= MIN_VACANT {
            self.vacant.push(Vacant { chunk, start: (offset + used) as u32, end: end as u32 });
        }
    }

    /// Forgets the regions that could still be handed out: their chunks are about to be collected.
    pub(crate) fn forget_regions(&mut self) {
        self.open.clear();
        self.vacant.clear();
    }

    /// Returns the offset in the reservation of a chunk, where chunks have so many bytes.
    pub(crate) fn offset_of(map: &AddressMap, index: u32, chunk_bytes: usize) -> usize {
        map.offset(map.young.start + index as usize * chunk_bytes)
    }

    fn offset(&self, index: u32) -> usize {
        Self::offset_of(&self.map, index, self.chunk_bytes())
    }

    /// Returns how many empty chunks were in use at the same time as all that are in use now, since
    /// the last call but one.
    pub(crate) fn spare(&mut self) -> usize {
        let most = self.peak.max(self.last_peak);
        (self.last_peak, self.peak) = (self.peak, self.in_use());
        most - self.in_use()
    }

    /// Takes empty chunks except `keep`, and at most `most`, off the list, so that their memory can
    /// be released without a lock. [`put_released`](Self::put_released) lists them again. Those of
    /// empty huge pages come first, the highest ones, and no others by whole groups, as what is
    /// left of a huge page is backed by small ones.
    pub(crate) fn take_surplus(&mut self, keep: usize, most: usize, unit: Unit) -> Vec<u32> {
        let surplus = self.free.len().saturating_sub(keep).min(most);
        let in_page = (HUGE_PAGE >> self.shift).max(1);
        let mut pages = vec![Vec::new(); self.fills.len().div_ceil(in_page)];
        self.free.iter().for_each(|&chunk| pages[chunk as usize / in_page].push(chunk));
        // The first chunks lie on pages of the usual size.
        let goes_whole = |&page: &usize| page == 0 || pages[page].len() == in_page;
        let (whole, parts): (Vec<usize>, Vec<usize>) = (0..pages.len()).rev().partition(goes_whole);
        let mut chunks = Vec::with_capacity(surplus);
        for page in whole.into_iter().chain(if unit == Unit::Block { parts } else { Vec::new() }) {
            let left = surplus - chunks.len();
            if unit == Unit::Group && page > 0 && left < in_page {
                break;
            }
            pages[page].sort_unstable_by_key(|&chunk| Reverse(chunk));
            chunks.extend(pages[page].iter().take(left));
        }
        self.releasing += chunks.len();
        self.free.retain(|chunk| !chunks.contains(chunk));
        chunks
    }

    /// Lists chunks whose memory was released.
    pub(crate) fn put_released(&mut self, chunks: &[u32]) {
        self.releasing -= chunks.len();
        self.released.extend_from_slice(chunks);
    }

    /// Gives back a chunk whose objects are dead or were moved.
    pub(crate) fn give_back(&mut self, index: u32) {
        debug_assert_ne!(self.ages.get(index as usize), Age::Free);
        self.set(index, Age::Free);
        self.free.push(index);
    }

    /// Ends a minor collection: from-space becomes free, to-space becomes generation 1. Calls
    /// `dead` with each chunk of from-space (start, bytes used) before it is given back.
    pub(crate) fn flip(&mut self, mut dead: impl FnMut(*mut u8, usize)) {
        debug_assert!(self.open.is_empty() && self.vacant.is_empty());
        for index in 0..self.fills.len() as u32 {
            match self.ages.get(index as usize) {
                Age::Fresh | Age::Survivor => {
                    dead(self.start(index), self.top(index));
                    self.give_back(index);
                }
                Age::Arriving => self.ages.set(index as usize, Age::Survivor),
                Age::Free => {}
            }
        }
    }

    pub(crate) fn start(&self, index: u32) -> *mut u8 {
        self.map.pointer(self.part.start + ((index as usize) << self.shift))
    }

    /// Records where the objects of a chunk end.
    pub(crate) fn set_top(&mut self, index: u32, top: usize) {
        let start = self.part.start + ((index as usize) << self.shift);
        debug_assert!(top >= start && top - start <= self.chunk_bytes());
        self.fills[index as usize].top = (top - start) as u32;
    }

    /// Returns the offset of the end of the objects and fillers in a chunk.
    pub(crate) fn top(&self, index: u32) -> usize {
        self.fills[index as usize].top as usize
    }

    /// Returns the bytes of objects in a chunk, with the gaps between them.
    pub(crate) fn used(&self, index: u32) -> usize {
        let Fill { top, unused } = self.fills[index as usize];
        (top - unused) as usize
    }

    /// Returns the age of the chunk at any address of the young part, or `None` if that chunk was
    /// never handed out.
    pub(crate) fn age_if_any(&self, address: usize) -> Option<Age> {
        let index = self.part.offset(address) >> self.shift;
        (index < self.fills.len()).then(|| self.ages.get(index))
    }

    /// Returns the chunks of an age.
    pub(crate) fn of_age(&self, age: Age) -> impl Iterator<Item = u32> + '_ {
        (0..self.fills.len() as u32).filter(move |&index| self.ages.get(index as usize) == age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 256 << 10;
    /// Chunks of a huge page.
    const IN_PAGE: u32 = (HUGE_PAGE / CHUNK) as u32;

    /// A space without memory, whose first chunks are in use, as many as `pages` huge pages have,
    /// except for those that are `empty`.
    fn space(pages: u32, empty: impl Fn(u32) -> bool) -> YoungSpace {
        let map = AddressMap::new(NonNull::<u128>::dangling().cast(), pages as usize * HUGE_PAGE, 0, 0);
        let mut space = YoungSpace::new(map, CHUNK).unwrap();
        let chunks: Vec<u32> = (0..pages * IN_PAGE).map(|_| space.take(Age::Fresh, |_, _| true).unwrap()).collect();
        chunks.into_iter().filter(|&chunk| empty(chunk)).for_each(|chunk| space.give_back(chunk));
        space
    }

    /// [chunk.for-survivors]
    #[test]
    fn what_survivors_are_expected_to_need_is_not_allocated_in_while_there_is_other_memory() {
        let mut space = space(2, |chunk| chunk < 10);
        space.expect_survivors(3 * CHUNK + 1);
        let mut fresh = |commits: bool| {
            let taken = space.take(Age::Fresh, |_, _| commits);
            (taken, space.free.len())
        };
        let from_free: Vec<usize> = (0..6).map(|_| fresh(false).1).collect();
        assert_eq!(from_free, [9, 8, 7, 6, 5, 4], "four chunks are for survivors");
        // The part has no more chunks, so what is released comes next.
        assert_eq!(fresh(false).1, 3, "nothing is committed: better a slow pause than no memory");
        let released = space.take_surplus(2, usize::MAX, Unit::Block);
        space.put_released(&released);
        space.expect_survivors(2 * CHUNK);
        let mut take = |age, commits: bool| (space.take(age, |_, _| commits), space.free.len());
        assert_eq!(take(Age::Fresh, true), (Some(released[0]), 2));
        assert_eq!(take(Age::Arriving, true).1, 1, "survivors take what is theirs");
        assert_eq!((take(Age::Arriving, false).1, take(Age::Arriving, false).0), (0, None));
    }

    fn taken(space: &mut YoungSpace, keep: usize, most: usize, unit: Unit) -> Vec<u32> {
        let before = (space.in_use(), space.empty_bytes());
        let mut chunks = space.take_surplus(keep, most, unit);
        assert_eq!((space.in_use(), space.empty_bytes()), before, "on their way, they are empty");
        space.put_released(&chunks);
        chunks.sort_unstable();
        chunks
    }

    #[test]
    fn at_leisure_whole_huge_pages_are_given_back_from_the_end() {
        // Of the second huge page a chunk is in use, of the first one as well.
        let mut space = space(4, |chunk| chunk != IN_PAGE + 3 && chunk != 1);
        let page = |nth: u32| (nth * IN_PAGE..(nth + 1) * IN_PAGE).collect::<Vec<_>>();
        assert_eq!(taken(&mut space, 0, IN_PAGE as usize, Unit::Group), page(3));
        let free = space.free.len();
        assert_eq!(taken(&mut space, free - IN_PAGE as usize + 1, usize::MAX, Unit::Group), [], "a part of one stays");
        assert_eq!(taken(&mut space, free - IN_PAGE as usize, usize::MAX, Unit::Group), page(2));
        // The first chunks lie on pages of the usual size.
        assert_eq!(taken(&mut space, 0, 2, Unit::Group), [6, 7]);
        assert_eq!(taken(&mut space, 0, usize::MAX, Unit::Group), [0, 2, 3, 4, 5]);
        assert_eq!(taken(&mut space, 0, usize::MAX, Unit::Group), []);
    }

    #[test]
    fn where_memory_is_short_parts_of_huge_pages_go_as_well_after_whole_ones() {
        let mut space = space(3, |chunk| chunk != IN_PAGE + 3);
        assert_eq!(taken(&mut space, 0, 3, Unit::Block), [2 * IN_PAGE + 5, 2 * IN_PAGE + 6, 2 * IN_PAGE + 7]);
        let rest: Vec<u32> = (0..2 * IN_PAGE + 5).filter(|&chunk| chunk != IN_PAGE + 3).collect();
        assert_eq!(taken(&mut space, 1, usize::MAX, Unit::Block).len(), rest.len() - 1);
        assert_eq!(space.free.len(), 1, "one is kept");
    }
}
