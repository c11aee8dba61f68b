//! The one write barrier.
//!
//! Every store of a pointer into memory that an object may own goes through this file:
//! [`Barrier::store`] and its siblings for `Slot`, [`Barrier::cell`] for `GcCell`.
//!
//! ```text
//!   if slot - source_start < source_bytes  &&  value - value_start < value_bytes   { slow }
//!   slot.store(value, Release)
//!   slow:  old = slot.load
//!          if marking && old is an old object                                           { log old }
//!          if marking && value is in an evacuation candidate && the source is old      { record the slot }
//!          if value is young && old is not && the source object is old                 { remember the slot }
//! ```
//!
//! The marks of logged values are looked at for 32 of them together, and in each pause. A value that
//! is not marked is marked then, and pushed to the SATB buffer.
//!
//! The value range covers the young and the large part. While the old generation is being marked it
//! covers the whole address space, so that null and old values reach the slow path too.
//!
//! - **[barrier.remembered]** Between collections, every slot and cell in an old object that holds
//!   a young value is in the remembered set. The set is a superset: an entry need not hold a young
//!   value any more.
//! - **[barrier.slots-stay]** A remembered location stays a slot or cell of the same object until
//!   the set is rebuilt: cells never lie in separate memory that an object owns, and old objects
//!   are freed only while the set is empty.
//! - **[barrier.logged]** A cell is in the set if and only if its logged bit is set.
//! - **[barrier.ranges]** The ranges change only while the world is stopped, and a mutator that
//!   resumes sees the change. So they are plain cells. The model is `models/protocols/ranges.rs`.
//! - **[barrier.snapshot]** Snapshot at the beginning (Yuasa: *Real-time garbage collection on
//!   general-purpose machines*, 1990): nothing is young when marking begins, nor when it ends.
//!   Every writer reads the old value before its own store. So the writer of the first store to a
//!   slot after marking began, in the slot's modification order, reads the value of the snapshot.
//!   It logs that object, and finds its mark set, or sets it and pushes the object, before the next
//!   pause has gone on. Marks are not cleared while the heap is marking, so an object whose mark is
//!   read as set needs no push. No fence is needed, because the barrier tests the mark of the *old
//!   value*, not that of the source object; and as marking ends in a pause, it does not matter when
//!   it does so. To test it at once would mean to wait for memory, which markers write all the time.
//!   For a cell, the barrier logs every old value when it logs the cell: at the first write after
//!   marking began, because the set is empty then, and again at the first write after each pause
//!   that took it from the set. A big cell is logged once in each marking at most, and only what
//!   the marker has not traced of it ([big-cells.whole]).
//!
//! - **[barrier.recorded]** While marking, the writer of an old slot records it if the value is in
//!   a candidate ([candidates.recorded]). A cell that is written is in the remembered set, whose
//!   next collection looks at all that it holds.
//!
//! A slot that already held a young value is in the set ([barrier.remembered]), so the barrier does
//! not add it again.

use core::{cell::Cell, cell::RefCell, ptr::NonNull};

use crate::{
    memory::AddressMap,
    object::{CellWord, EphemeronPair, PointerSlot, TypeInfo},
    safepoint::{Poll, Reason},
    space::{
        candidates::{Candidates, Recorded},
        large::RunTable,
        old::Bits,
    },
    sync::{Arc, mutant},
    trace::{
        Trace, Visitor,
        pieces::{self, InPieces, Pieces},
        sealed,
    },
    workers::PIECE,
};

use super::{
    remembered::{Remembered, RememberedCell},
    satb::SatbQueue,
    weak_mode::Mode,
};

/// A mutator's barrier: the ranges that it compares with, in one cache line, and the entries that
/// it has recorded.
#[repr(C, align(64))]
pub(crate) struct Barrier {
    source_start: Cell<usize>,
    source_bytes: Cell<usize>,
    value_start: Cell<usize>,
    value_bytes: Cell<usize>,
    map: AddressMap,
    runs: Arc<RunTable>,
    /// Never borrowed while code outside this file runs.
    remembered: RefCell<Remembered>,
    /// At every multiple of so many entries the mutator's next safepoint takes the slow path. From
    /// the second multiple on, duplicates are removed, too.
    capacity: usize,
    bits: Arc<Bits>,
    satb: Arc<SatbQueue>,
    marking: Cell<bool>,
    /// Overwritten old objects whose marks are still to be looked at. Borrowed as `remembered` is.
    logged: RefCell<Vec<NonNull<u8>>>,
    /// The SATB buffer: overwritten values that this barrier has marked. Borrowed as `remembered`
    /// is.
    overwritten: RefCell<Vec<NonNull<u8>>>,
    candidates: Arc<Candidates>,
    /// Slots that hold pointers into candidates. Borrowed as `remembered` is.
    recorded: RefCell<Vec<NonNull<PointerSlot>>>,
}

/// Overwritten values whose marks are looked at together. In models, two.
const LOGGED: usize = if cfg!(any(gc_loom, gc_shuttle)) { 2 } else { 32 };
/// Overwritten values in a mutator's SATB buffer when it is handed over.
const SNAPSHOT: usize = 512;
/// Values of a big cell that are handed over at once.
const FOUND: usize = 1 << 13;

impl Barrier {
    pub(crate) fn new(
        map: AddressMap,
        runs: Arc<RunTable>,
        bits: Arc<Bits>,
        satb: Arc<SatbQueue>,
        candidates: Arc<Candidates>,
        capacity: usize,
    ) -> Self {
        let sources = map.large_and_old();
        let values = map.young_and_large();
        Self {
            source_start: Cell::new(sources.start),
            source_bytes: Cell::new(sources.bytes),
            value_start: Cell::new(values.start),
            value_bytes: Cell::new(values.bytes),
            map,
            runs,
            remembered: RefCell::default(),
            capacity,
            bits,
            satb,
            marking: Cell::new(false),
            logged: RefCell::default(),
            overwritten: RefCell::default(),
            candidates,
            recorded: RefCell::default(),
        }
    }

    /// Sets whether the old generation is being marked. The world is stopped ([barrier.ranges]), or
    /// no other thread knows the barrier yet.
    pub(crate) fn set_marking(&self, marking: bool) {
        debug_assert!(self.logged.borrow().is_empty(), "what was logged is handed over before the phase ends");
        self.logged.take();
        let values = self.map.young_and_large();
        self.value_start.set(if marking { 0 } else { values.start });
        self.value_bytes.set(if marking { usize::MAX } else { values.bytes });
        self.marking.set(marking);
    }

    /// Hands over the SATB buffer, and the slots that were recorded.
    pub(crate) fn hand_over(&self) {
        let mut logged = self.logged.borrow_mut();
        // The leader of a pause does so on another core than the one whose cache the marks are in.
        logged.iter().for_each(|object| self.bits.marks.prefetch(self.bits.granule(object.addr().get())));
        self.look_at_logged(&mut logged);
        self.satb.hand_over(self.overwritten.take());
        self.candidates.hand_over(Recorded { pointer_slots: self.recorded.take(), cells: Vec::new() });
    }

    /// Takes the remembered set and leaves an empty one.
    pub(crate) fn take(&self) -> Remembered {
        self.remembered.take()
    }

    /// Stores `value` in `slot`. Costs 9 instructions, the store and the two branches not included.
    #[inline(always)]
    pub(crate) fn store(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) {
        self.before(poll, slot, value);
        // Release, with the Acquire load of `Slot::get`: the object behind `value` was written before.
        slot.publish(value);
    }

    /// Stores `value` in `slot` and returns the previous value.
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
        if place.wrapping_sub(self.source_start.get()) < self.source_bytes.get()
            && value.addr().wrapping_sub(self.value_start.get()) < self.value_bytes.get()
        {
            self.slow(poll, slot, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn slow(&self, poll: &Poll, slot: &PointerSlot, value: *mut u8) {
        self.note(poll, NonNull::from(slot), slot.get(), value);
    }

    /// Does what is due where `place` holds `value` instead of `old`.
    #[inline]
    fn note(&self, poll: &Poll, place: NonNull<PointerSlot>, old: *mut u8, value: *mut u8) {
        if self.marking.get() {
            self.log(old);
            self.record(place, value);
        }
        let new = self.is_young(value) && !self.is_young(old) && self.source_is_old(place.addr().get());
        if new && !mutant::NO_REMEMBERED_SET.is_planted() {
            self.remember(poll, |set| set.pointer_slots.push(place));
        }
    }

    /// Looks at a pointer slot of an object that was allocated old, and holds what it was made
    /// with.
    ///
    /// # Safety
    ///
    /// It is a pointer slot of an old object that the barrier's mutator has made and not published
    /// yet.
    #[inline(always)]
    pub(super) unsafe fn adopt(&self, poll: &Poll, slot: NonNull<PointerSlot>) {
        // SAFETY: the caller's: a valid slot.
        let value = unsafe { slot.as_ref() }.get();
        if value.addr().wrapping_sub(self.value_start.get()) < self.value_bytes.get() {
            self.adopt_slow(poll, slot, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn adopt_slow(&self, poll: &Poll, slot: NonNull<PointerSlot>, value: *mut u8) {
        if !mutant::ADOPTED_ARE_FORGOTTEN.is_planted() {
            // It held nothing before.
            self.note(poll, slot, core::ptr::null_mut(), value);
        }
    }

    /// Returns whether the old generation is being marked.
    #[inline(always)]
    pub(crate) fn is_marking(&self) -> bool {
        self.marking.get()
    }

    /// Logs a cell before its content may change, once between two collections.
    #[inline(always)]
    pub(crate) fn cell(&self, poll: &Poll, word: &CellWord, info: &'static TypeInfo) {
        let place = core::ptr::from_ref(word).addr();
        if place.wrapping_sub(self.source_start.get()) < self.source_bytes.get() && !word.is_logged() {
            self.slow_cell(poll, word, info);
        }
    }

    #[cold]
    #[inline(never)]
    fn slow_cell(&self, poll: &Poll, word: &CellWord, info: &'static TypeInfo) {
        let place = NonNull::from(word);
        if self.source_is_old(place.addr().get()) {
            word.set_logged(true);
            if self.marking.get() {
                self.log_content(RememberedCell { word: place, info });
            }
            if !mutant::NO_REMEMBERED_CELLS.is_planted() {
                self.remember(poll, |set| set.cells.push(RememberedCell { word: place, info }));
            }
        }
    }

    /// Logs what a cell holds. Of a big cell only what neither the marker nor a writer has seen in
    /// this marking ([big-cells.whole]).
    fn log_content(&self, cell: RememberedCell) {
        let mut logger = SatbLogger { barrier: self, pieces: Pieces::none(), found: None };
        // SAFETY: the content of the cell, whose lock the caller has, with the type of that content.
        let log = |logger: &mut SatbLogger<'_>| unsafe {
            (cell.info.trace.log_old_value)(cell.content(), 1, core::ptr::from_mut(logger).cast());
        };
        logger.pieces.begin_quick(PIECE);
        log(&mut logger);
        if logger.pieces.has_ended()
            && let Some(position) = self.satb.big_cells.log(cell.word.addr().get())
        {
            logger.pieces.begin_at(position, usize::MAX);
            logger.found = Some(Vec::with_capacity(FOUND));
            log(&mut logger);
            self.satb.hand_over_found(logger.found.unwrap_or_default());
        }
    }

    /// Logs a value that is about to be overwritten ([barrier.snapshot]). By the time that its mark
    /// is looked at, the mark is in the cache.
    #[inline]
    fn log(&self, old: *mut u8) {
        if !self.map.old.contains(old.addr()) {
            return self.keep_overwritten(old);
        }
        self.bits.marks.prefetch(self.bits.granule(old.addr()));
        let mut logged = self.logged.borrow_mut();
        logged.extend(NonNull::new(old));
        if logged.len() >= LOGGED {
            self.look_at_logged(&mut logged);
        }
    }

    /// Looks at the marks of what was logged.
    fn look_at_logged(&self, logged: &mut Vec<NonNull<u8>>) {
        if mutant::LOGGED_ARE_FORGOTTEN.is_planted() {
            return logged.clear();
        }
        logged.drain(..).for_each(|object| self.keep_overwritten(object.as_ptr()));
    }

    /// Marks a value that is about to be overwritten, or has been: it stays alive until marking
    /// ends ([barrier.snapshot]).
    fn keep_overwritten(&self, old: *mut u8) {
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

    /// Keeps an object that the owner of the barrier has reached by no pointer: while marking, it
    /// counts as one of the snapshot.
    pub(crate) fn keep(&self, object: NonNull<u8>) {
        if self.marking.get() {
            self.keep_overwritten(object.as_ptr());
        }
    }

    /// Reaches an object by the table of registered objects. Returns whether it is alive, or can
    /// be: then it is kept ([weak-mode.marking]).
    pub(crate) fn reach(&self, object: NonNull<u8>) -> bool {
        self.read_weak(&PointerSlot::new(object.as_ptr())).is_some()
    }

    /// Reads a word that does not keep its target alive. Returns the target, which lives until the
    /// next safepoint at least, or `None` if it is dead ([weak-mode.clearing]).
    #[inline(always)]
    pub(crate) fn read_weak(&self, word: &PointerSlot) -> Option<NonNull<u8>> {
        let target = NonNull::new(word.get())?;
        if self.marking.get() { self.read_weak_marking(word, target) } else { Some(target) }
    }

    #[cold]
    #[inline(never)]
    fn read_weak_marking(&self, word: &PointerSlot, target: NonNull<u8>) -> Option<NonNull<u8>> {
        match self.satb.weak_mode.get() {
            Mode::Clearing => self.is_reached(word, target).then_some(target),
            Mode::Normal | Mode::Marking => {
                self.keep_overwritten(target.as_ptr());
                Some(target)
            }
        }
    }

    /// Returns whether a word would be read as its target now. Logs nothing: the answer may be
    /// wrong from the next safepoint on.
    pub(crate) fn is_weak_alive(&self, word: &PointerSlot) -> bool {
        let Some(target) = NonNull::new(word.get()) else { return false };
        !self.marking.get() || self.satb.weak_mode.get() != Mode::Clearing || self.is_reached(word, target)
    }

    /// Returns whether the target of a word was reachable when marking ended
    /// ([weak-mode.clearing]).
    fn is_reached(&self, word: &PointerSlot, target: NonNull<u8>) -> bool {
        let address = target.addr().get();
        let marked = if self.map.old.contains(address) {
            self.bits.marks.is_set_beside(self.bits.granule(address))
        } else {
            !self.is_old(target.as_ptr()) || self.runs.run_of(address).is_marked()
        };
        marked && (!word.get().is_null() || mutant::WEAK_WORD_IS_READ_ONCE.is_planted())
    }

    /// Records a slot that is about to hold a pointer into a candidate ([barrier.recorded]).
    fn record(&self, place: NonNull<PointerSlot>, value: *mut u8) {
        let planted = mutant::STORES_ARE_NOT_RECORDED.is_planted();
        if !planted && self.source_is_old(place.addr().get()) && self.candidates.count(value.addr()) {
            self.recorded.borrow_mut().push(place);
        }
    }

    fn remember(&self, poll: &Poll, push: impl FnOnce(&mut Remembered)) {
        let mut set = self.remembered.borrow_mut();
        push(&mut set);
        let len = set.len();
        if len.is_multiple_of(self.capacity) {
            // A collection is requested first, because it costs less than to remove duplicates (n log n, and most sets have none).
            // A thread that reaches no safepoint removes them, so that repeated stores to the same slots need no more memory.
            poll.raise(Reason::REMEMBERED);
            if len > self.capacity {
                // A cell is never in the set twice ([barrier.logged]). A slot may be, if it held other values in between.
                set.pointer_slots.sort_and_dedup();
            }
        }
    }

    /// Returns whether `address` is that of a young object. Objects in the young part are young. An
    /// object in the large part is young until its run becomes old. Null is the address of no
    /// object.
    #[inline]
    fn is_young(&self, address: *mut u8) -> bool {
        let address = address.addr();
        self.map.young.contains(address) || (self.map.large.contains(address) && !self.runs.run_of(address).is_old())
    }

    /// Returns whether `address` is that of an old object.
    #[inline]
    fn is_old(&self, address: *mut u8) -> bool {
        let address = address.addr();
        self.map.old.contains(address) || (self.map.large.contains(address) && self.runs.run_of(address).is_old())
    }

    /// Returns whether the object that `place` is in is old. The caller passes a place in the old
    /// or the large part, or in memory that an old object owns. An object in the large part is old
    /// if its run is, and all others here are.
    #[inline]
    fn source_is_old(&self, place: usize) -> bool {
        !self.map.large.contains(place) || self.runs.run_of(place).is_old()
    }
}

/// Logs the pointers of a cell's content.
pub(crate) struct SatbLogger<'a> {
    barrier: &'a Barrier,
    pieces: Pieces,
    /// In a big cell, what it holds ([satb.found]).
    found: Option<Vec<NonNull<u8>>>,
}

impl SatbLogger<'_> {
    /// Hands over what was found so far.
    #[cold]
    #[inline(never)]
    fn hand_over(&mut self) {
        let found = self.found.replace(Vec::with_capacity(FOUND));
        self.barrier.satb.hand_over_found(found.unwrap_or_default());
    }
}

impl sealed::Visitor for SatbLogger<'_> {}

impl InPieces for SatbLogger<'_> {
    fn pieces(&mut self) -> &mut Pieces {
        &mut self.pieces
    }
}

impl Visitor for SatbLogger<'_> {
    const MOVES: bool = false;

    #[inline]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a valid pointer slot.
        let old = unsafe { &*pointer_slot }.get();
        let Some(found) = &mut self.found else { return self.barrier.keep_overwritten(old) };
        if self.barrier.is_old(old)
            && let Some(object) = NonNull::new(old)
            && !mutant::NO_SNAPSHOT.is_planted()
        {
            found.push(object);
            if found.len() == FOUND {
                self.hand_over();
            }
        }
    }

    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, _: *mut T) {
        unreachable!("gc-core: a cell in a cell")
    }

    unsafe fn ephemeron(&mut self, _: *mut EphemeronPair) {
        unreachable!("gc-core: the pair of an ephemeron is an object of its own, in no cell")
    }

    #[inline(always)]
    fn elements(&mut self, len: usize, element: impl FnMut(&mut Self, usize)) {
        pieces::elements(self, len, element);
    }

    fn whole(&mut self, visit: impl FnMut(&mut Self)) {
        pieces::whole(self, visit);
    }
}
