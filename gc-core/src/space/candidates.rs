//! Evacuation candidates: sparse blocks of the old part that are emptied when marking ends, and the
//! places that hold pointers into them.
//!
//! Recording pointers into a set of sparse regions while marking, and evacuating the set in the
//! final pause, is the idea of Lang and Dupont (*Incremental incrementally compacting garbage
//! collection*, 1987) and of G1's collection set (Detlefs et al.: *Garbage-first garbage
//! collection*, 2004).
//!
//! - **[candidates.pauses]** Blocks become candidates only in a pause, and are none any more when
//!   the pause that ends marking ends. A candidate is closed and on no list, so nothing is promoted
//!   into it.
//! - **[candidates.recorded]** While marking, every place outside of young objects that comes to
//!   hold a pointer into a candidate is recorded: by the marker that reads it, by the barrier that
//!   stores it, or by the promotion of the object that it is in. A place in a cell, or in memory
//!   that a cell owns, is recorded as the cell. Roots are not recorded: there are few, and each
//!   pause looks at all.
//! - **[candidates.leave]** A thread that does not record a place makes the block leave the set,
//!   for good. So at the final pause every place that holds a pointer into a block that is still a
//!   candidate has been recorded.
//! - **[candidates.superset]** A recorded place need not hold such a pointer any more. It stays a
//!   place of the same object: objects that are old while marking are freed only after the final
//!   pause, and a root's value is not recorded.
//!
//! The model is `models/protocols/candidates.rs`.

use core::ptr::NonNull;

use crate::{
    memory::{
        Reservation, ReserveError,
        address_map::{AddressMap, BLOCK, PAGE, Part},
    },
    object::PointerSlot,
    sync::{
        Mutex, RawLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mutant, raw,
    },
};

/// Which blocks of the old part are candidates. One word for each block.
pub(crate) struct Candidates {
    map: AddressMap,
    /// Zero for a block that is no candidate, [`CANDIDATE`] and the number of recorded places
    /// otherwise.
    words: Reservation,
    /// The addresses from the first candidate to the last one. They change in pauses only.
    start: AtomicUsize,
    bytes: AtomicUsize,
    /// The most places that are recorded, for one block and for all of them.
    most_of_one: AtomicU64,
    most: AtomicU64,
    /// Places that were recorded.
    spent: AtomicU64,
    /// What mutators and workers have recorded.
    recorded: Mutex<Recorded>,
}

/// The block is a candidate, or was one and has left.
const CANDIDATE: u64 = 1 << 63;
/// The block has left the set.
const LEFT: u64 = 1 << 62;

/// A block's word, once the set is no longer in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Candidacy {
    None,
    /// The block is a candidate.
    Stays,
    /// Too many places hold pointers into the block.
    Left,
}

/// Calls a trace function for the content of a cell, with the visitor that updates pointers.
pub(crate) type UpdateFn = unsafe fn(first: *mut u8, count: usize, visitor: *mut u8);

/// A cell that holds a pointer into a candidate, or owns memory that does.
#[derive(Clone, Copy)]
pub(crate) struct RecordedCell {
    pub(crate) content: NonNull<u8>,
    pub(crate) update: UpdateFn,
}

/// Places that may hold pointers into candidates.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) pointer_slots: Vec<NonNull<PointerSlot>>,
    pub(crate) cells: Vec<RecordedCell>,
}

// SAFETY: these are addresses in old objects and in memory that they own. The code that has them is responsible for their use.
unsafe impl Send for Recorded {}

impl Recorded {
    pub(crate) fn is_empty(&self) -> bool {
        self.pointer_slots.is_empty() && self.cells.is_empty()
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.pointer_slots.append(&mut other.pointer_slots);
        self.cells.append(&mut other.cells);
    }
}

impl Candidates {
    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.recorded)
    }

    /// Returns an empty set.
    pub(crate) fn new(map: AddressMap) -> Result<Self, ReserveError> {
        let bytes = map.old.bytes / BLOCK * size_of::<AtomicU64>();
        Ok(Self {
            map,
            words: Reservation::zeroed(bytes.next_multiple_of(PAGE), c"gc-candidates")?,
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            most_of_one: AtomicU64::new(0),
            most: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            recorded: Mutex::default(),
        })
    }

    fn word(&self, block: usize) -> &AtomicU64 {
        debug_assert!(block < self.map.old.bytes / BLOCK);
        // SAFETY: the table has a word for every block, which reads as zero before it is first written and is only accessed as an
        // atomic.
        unsafe { self.words.base().cast::<AtomicU64>().add(block).as_ref() }
    }

    /// Makes these blocks the candidates. At most `places` places are recorded, and at most
    /// `most_of_one` for one block.
    ///
    /// The caller leads a pause, and the set is empty ([candidates.pauses]).
    pub(crate) fn begin(&self, blocks: &[u32], places: usize, most_of_one: usize) {
        // Relaxed, all of them: in a pause, which orders them for everybody who reads them later.
        debug_assert_eq!(self.bytes.load(Ordering::Relaxed), 0, "a set is in use");
        let (Some(&first), Some(&last)) = (blocks.iter().min(), blocks.iter().max()) else { return };
        for &block in blocks {
            self.word(block as usize).store(CANDIDATE, Ordering::Relaxed);
        }
        self.most_of_one.store(most_of_one as u64, Ordering::Relaxed);
        self.most.store(places as u64, Ordering::Relaxed);
        self.spent.store(0, Ordering::Relaxed);
        self.start.store(self.map.block_start(first as usize), Ordering::Relaxed);
        self.bytes.store((last - first + 1) as usize * BLOCK, Ordering::Relaxed);
    }

    /// Empties the set. The caller leads a pause, and has taken what was recorded.
    pub(crate) fn end(&self) {
        let range = self.range();
        for block in 0..range.bytes / BLOCK {
            // Relaxed, both: as in `begin`.
            self.word((range.start - self.map.old.start) / BLOCK + block).store(0, Ordering::Relaxed);
        }
        self.bytes.store(0, Ordering::Relaxed);
        debug_assert!(self.recorded.lock().is_empty());
    }

    /// Returns a range of addresses in which all candidates lie: empty if there are none. The
    /// caller looks again in each pause.
    #[inline(always)]
    pub(crate) fn range(&self) -> Part {
        // Relaxed, both: they change in pauses only.
        Part { start: self.start.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Returns whether there are candidates.
    pub(crate) fn is_in_use(&self) -> bool {
        self.range().bytes != 0
    }

    /// Returns whether the address of an old object is in a block that is a candidate now.
    #[inline(always)]
    pub(crate) fn contains(&self, address: usize) -> bool {
        self.range().contains(address) && is_candidate(self.load(address))
    }

    #[inline(always)]
    fn load(&self, address: usize) -> u64 {
        // Relaxed: a block leaves for good, and whether it has is decided in the final pause.
        self.word(self.map.old.offset(address) / BLOCK).load(Ordering::Relaxed)
    }

    /// Returns what has become of a block. The caller leads a pause.
    pub(crate) fn of(&self, block: u32) -> Candidacy {
        // Relaxed: in a pause.
        match self.word(block as usize).load(Ordering::Relaxed) {
            0 => Candidacy::None,
            word if is_candidate(word) => Candidacy::Stays,
            _ => Candidacy::Left,
        }
    }

    /// Counts a place that holds a pointer to the object at `address`, if that is in a candidate.
    /// Returns whether the caller has to record the place. If there are too many places, the block
    /// leaves the set instead ([candidates.leave]).
    #[must_use]
    pub(crate) fn count(&self, address: usize) -> bool {
        if !self.contains(address) {
            return false;
        }
        let word = self.word(self.map.old.offset(address) / BLOCK);
        // Relaxed, all of them: counters that bound memory; other threads may be late by a few places.
        let places = word.fetch_add(1, Ordering::Relaxed) & !(CANDIDATE | LEFT);
        if places < self.most_of_one.load(Ordering::Relaxed) && self.spend(1) {
            return true;
        }
        if !mutant::TOO_MANY_PLACES_STAY.is_planted() {
            self.leave(address);
        }
        false
    }

    /// Counts what visiting a cell costs besides its pointers into candidates. Returns whether that
    /// is not too much.
    #[must_use]
    pub(crate) fn spend(&self, places: u64) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        // Relaxed, all of them: as in `count`. What is far too much is not counted, so that it leaves something for others.
        places <= most.saturating_sub(self.spent.load(Ordering::Relaxed))
            && self.spent.fetch_add(places, Ordering::Relaxed) + places <= most
    }

    /// Makes the block of an address leave the set, if it is a candidate.
    pub(crate) fn leave(&self, address: usize) {
        if self.contains(address) {
            // Relaxed: as in `load`. A bit of its own, because another thread may be counting a place.
            self.word(self.map.old.offset(address) / BLOCK).fetch_or(LEFT, Ordering::Relaxed);
        }
    }

    /// Hands over recorded places.
    pub(crate) fn hand_over(&self, recorded: Recorded) {
        if !recorded.is_empty() {
            self.recorded.lock().append(recorded);
        }
    }

    /// Takes the places that were handed over.
    pub(crate) fn take(&self) -> Recorded {
        core::mem::take(&mut self.recorded.lock())
    }
}

#[inline(always)]
fn is_candidate(word: u64) -> bool {
    word & (CANDIDATE | LEFT) == CANDIDATE
}
