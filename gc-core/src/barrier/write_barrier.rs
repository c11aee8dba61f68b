//! The one write barrier.
//!
//! Every store of a pointer into memory that an object may own goes through this file: [`Barrier::store`] and its
//! siblings for `Slot`, [`Barrier::cell`] for `GcCell`.
//!
//! ```text
//!   if slot - holder_start < holder_bytes  &&  value - value_start < value_bytes   { slow }
//!   slot.store(value, Release)
//!   slow:  old = slot.load
//!          if marking && old is old && its mark was clear, and is set now               { push old to the snapshot buffer }
//!          if value is young && old is not && the holder is old                        { remember the slot }
//! ```
//!
//! `value` is the young and the large part, and the whole address space while the old generation is being marked: then null and old
//! values reach the slow path too.
//!
//! - **[barrier.remembered]** Between collections, every slot and cell in an old object that holds a young value is in the remembered set
//!   (a superset: it may hold one no longer).
//! - **[barrier.slots-stay]** A remembered place stays a slot or cell of the same object until the set is rebuilt: cells never lie in memory of
//!   their own, and old objects are freed only while the set is empty.
//! - **[barrier.logged]** A cell is in the set if and only if its logged bit is set.
//! - **[barrier.ranges]** Ranges change only while the world is stopped, and who goes on sees it; so they are plain cells. The model is
//!   `models/protocols/ranges.rs`.
//! - **[barrier.snapshot]** Snapshot at the beginning (Yuasa: *Real-time garbage collection on general-purpose machines*, 1990): marking begins and ends
//!   with nothing young. Every writer reads the old value before its own store, so the first store to a slot in its modification order has
//!   read the snapshot's value, and pushed it or seen it marked. Marks only go from clear to set, so a stale read pushes once too often,
//!   never once too few; no fence is needed, as the *old value's* mark is tested, not the holder's. For a cell the same is done for all that
//!   it holds, when it is logged: once in a marking, as the set is empty when that begins.
//!
//! A slot that held a young value already is already in the set ([barrier.remembered]), so nothing is remembered twice in a row.

use core::{cell::Cell, cell::RefCell, ptr::NonNull};

use crate::{
    memory::AddressMap,
    object::{CellWord, PointerSlot, TypeInfo},
    safepoint::{Poll, Reason},
    space::{large::RunTable, old::Bits},
    sync::{Arc, mutant},
    trace::{Trace, Visitor, sealed},
};

use super::{
    remembered::{Remembered, RememberedCell},
    satb::SatbQueue,
};

/// A mutator's barrier: the ranges that it compares with, in one line of the cache, and what it has remembered.
#[repr(C, align(64))]
pub(crate) struct Barrier {
    holder_start: Cell<usize>,
    holder_bytes: Cell<usize>,
    value_start: Cell<usize>,
    value_bytes: Cell<usize>,
    map: AddressMap,
    runs: Arc<RunTable>,
    /// Never borrowed across anything that is not in this file.
    remembered: RefCell<Remembered>,
    /// Entries at which the buffer is looked through for duplicates.
    capacity: usize,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
    marking: Cell<bool>,
    /// Values that were overwritten and are marked now. As `remembered`.
    overwritten: RefCell<Vec<NonNull<u8>>>,
}

/// Overwritten values that a mutator keeps before it hands them over.
const SNAPSHOT: usize = 512;

impl Barrier {
    pub(crate) fn new(
        map: AddressMap,
        runs: Arc<RunTable>,
        bits: Arc<Bits>,
        satb: Arc<SatbQueue>,
        capacity: usize,
    ) -> Self {
        let sources = map.large_and_old();
        let values = map.young_and_large();
        Self {
            holder_start: Cell::new(sources.start),
            holder_bytes: Cell::new(sources.bytes),
            value_start: Cell::new(values.start),
            value_bytes: Cell::new(values.bytes),
            map,
            runs,
            remembered: RefCell::default(),
            capacity,
            bits,
            satb,
            marking: Cell::new(false),
            overwritten: RefCell::default(),
        }
    }

    /// Whether the old generation is being marked, from here on. The world is stopped ([barrier.ranges]), or nobody knows the barrier yet.
    pub(crate) fn set_marking(&self, marking: bool) {
        let values = self.map.young_and_large();
        self.value_start.set(if marking { 0 } else { values.start });
        self.value_bytes.set(if marking { usize::MAX } else { values.bytes });
        self.marking.set(marking);
    }

    /// Hands over what was overwritten.
    pub(crate) fn hand_over(&self) {
        self.satb.hand_over(self.overwritten.take());
    }

    /// What was remembered; the set is empty from now on.
    pub(crate) fn take(&self) -> Remembered {
        self.remembered.take()
    }

    /// Stores `value` in `slot`. 9 instructions beside the store and the two that branch.
    #[inline(always)]
    pub(crate) fn store(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) {
        self.before(poll, slot, value);
        // Release, with the Acquire load of `Slot::get`: what is behind `value` was written before.
        slot.publish(value);
    }

    /// Stores `value` in `slot` and returns what was there.
    #[inline]
    pub(crate) fn swap(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) -> *mut u8 {
        self.before(poll, slot, value);
        slot.swap(value)
    }

    /// Stores `new` if `slot` holds `current`.
    #[inline]
    pub(crate) fn compare_exchange(
        &self,
        poll: &Poll,
        slot: &PointerSlot,
        current: *mut u8,
        new: *mut u8,
    ) -> Result<*mut u8, *mut u8> {
        self.before(poll, slot, new);
        slot.compare_exchange(current, new)
    }

    #[inline(always)]
    fn before(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) {
        let place = core::ptr::from_ref(slot).addr();
        if place.wrapping_sub(self.holder_start.get()) < self.holder_bytes.get()
            && value.addr().wrapping_sub(self.value_start.get()) < self.value_bytes.get()
        {
            self.slow(poll, slot, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn slow(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) {
        let old = slot.get();
        if self.marking.get() {
            self.log_old_value(old);
        }
        let place = NonNull::from(slot);
        let new = self.is_young(value) && !self.is_young(old) && self.holder_is_old(place.addr().get());
        if new && !mutant::NO_REMEMBERED_SET.is_planted() {
            self.remember(poll, |set| set.pointer_slots.push(place));
        }
    }

    /// Runs before the content of a cell may change: logs the cell, once between two collections.
    #[inline(always)]
    pub(crate) fn cell(&self, poll: &Poll, word: &CellWord, info: &'static TypeInfo) {
        let place = core::ptr::from_ref(word).addr();
        if place.wrapping_sub(self.holder_start.get()) < self.holder_bytes.get() && !word.is_logged() {
            self.slow_cell(poll, word, info);
        }
    }

    #[cold]
    #[inline(never)]
    fn slow_cell(&self, poll: &Poll, word: &CellWord, info: &'static TypeInfo) {
        let place = NonNull::from(word);
        if self.holder_is_old(place.addr().get()) {
            word.set_logged(true);
            if self.marking.get() {
                let cell = RememberedCell { word: place, info };
                // SAFETY: the content of the cell, which the caller has the lock of, with its type.
                unsafe { (info.trace.log_old_value)(cell.content(), 1, core::ptr::from_ref(self).cast_mut().cast()) };
            }
            if !mutant::NO_REMEMBERED_CELLS.is_planted() {
                self.remember(poll, |set| set.cells.push(RememberedCell { word: place, info }));
            }
        }
    }

    /// Keeps a value that is about to be overwritten alive until the marking is over ([barrier.snapshot]).
    fn log_old_value(&self, old: *mut u8) {
        let Some(object) = NonNull::new(old) else { return };
        let address = old.addr();
        let new = if self.map.old.contains(address) {
            self.bits.marks.set_shared(self.bits.granule(address))
        } else {
            self.map.large.contains(address) && {
                let run = self.runs.run_of(address);
                run.is_old() && run.mark()
            }
        };
        if new && !mutant::NO_SNAPSHOT.is_planted() {
            let mut overwritten = self.overwritten.borrow_mut();
            overwritten.push(object);
            if overwritten.len() >= SNAPSHOT {
                self.satb.hand_over(core::mem::take(&mut overwritten));
            }
        }
    }

    fn remember(&self, poll: &Poll, push: impl FnOnce(&mut Remembered)) {
        let mut set = self.remembered.borrow_mut();
        push(&mut set);
        let len = set.len();
        if len.is_multiple_of(self.capacity) {
            // A collection costs less than looking for duplicates does (n log n, and most sets have none); a thread that
            // reaches no safepoint pays for them, so that storing to the same places again and again needs no more memory.
            poll.raise(Reason::REMEMBERED);
            if len > self.capacity {
                // Cells are never twice in the set ([barrier.logged]); a slot that held other values in between may be.
                set.pointer_slots.sort_unstable();
                set.pointer_slots.dedup();
            }
        }
    }

    /// Whether `address` is a young object's: one of the young part, or a large one that has not become old. Null is not.
    #[inline]
    fn is_young(&self, address: *mut u8) -> bool {
        let address = address.addr();
        self.map.young.contains(address) || (self.map.large.contains(address) && !self.runs.run_of(address).is_old())
    }

    /// Whether a place in the large or old part is in an old object: objects of the old part are, large ones by age.
    #[inline]
    fn holder_is_old(&self, place: usize) -> bool {
        !self.map.large.contains(place) || self.runs.run_of(place).is_old()
    }
}

/// Preserves every pointer of a cell's content.
pub(crate) struct SatbLogger<'a>(&'a Barrier);

impl<'a> SatbLogger<'a> {
    pub(crate) fn new(barrier: &'a Barrier) -> Self {
        Self(barrier)
    }
}

impl sealed::Visitor for SatbLogger<'_> {}

impl Visitor for SatbLogger<'_> {
    const MOVES: bool = false;

    #[inline]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes the place of a pointer.
        self.0.log_old_value(unsafe { &*pointer_slot }.get());
    }

    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, _: *mut T) {
        unreachable!("gc-core: a cell in a cell")
    }
}
