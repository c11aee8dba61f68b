//! Evacuation, the copying of survivors in a minor collection: one worker's part.
//!
//! Cheney's idea with explicit stacks (*A nonrecursive list compacting algorithm*, 1970). Pointer
//! slots that hold pointers to from-space wait on a stack. Taking one copies the object behind it,
//! or finds its forwarding address, and traces the copy. The order in which that happens is the
//! order in which survivors lie in memory: `order` says which it is.
//!
//! Preconditions and results:
//!
//! - **[evacuate.stopped]** The world is stopped. Every young object is in a chunk of age
//!   [`Age::Fresh`] or [`Age::Survivor`], or in a young large run.
//! - **[evacuate.all-updated]** Afterwards every pointer slot that was reached holds the new
//!   address, and every survivor was traced.
//! - **[evacuate.remembered]** `remembered` then contains exactly the pointer slots in old objects,
//!   and in memory they own, that hold a young value. A cell is contained as a whole, with its
//!   logged bit set.
//! - **[evacuate.recorded]** While marking, pointers of objects that become old, and of remembered
//!   cells, are recorded if they point into an evacuation candidate ([candidates.recorded]): a
//!   promoted object is born marked, so the marker never looks at it.
//! - **[evacuate.cannot-fail]** Evacuation cannot fail: promotion always has memory (the collector
//!   makes it ready before nursery memory is handed out), and an object that finds no to-space is
//!   promoted.
//! - **[evacuate.one-tracer]** With several workers, an object is traced by the worker whose claim
//!   of its header succeeded ([forwarding.copy-first]). The other workers' copies lie in memory
//!   that they had not taken. A slot is updated, and a cell traced, by the worker that has it as
//!   work.

mod destination;
mod distance;
mod ephemerons;
mod old_sources;
mod order;

use core::{mem, ptr::NonNull};

use crate::{
    barrier::{Remembered, RememberedCell},
    memory::{AddressMap, Part, bitmap::prefetch},
    object::{
        CellWord, EphemeronPair, HEADER, Header, HeaderWord, PairRef, PointerSlot, TypeInfo, copy_object, forwarded,
        is_threaded, size_class::SizeClass, unthread,
    },
    space::{
        candidates::{Candidates, Recorded, RecordedCell},
        large::RunTable,
        young::{Age, Ages},
    },
    sync::{atomic::Ordering, mutant},
    trace::{Trace, Visitor, sealed},
    workers::{PIECE, Packet, SliceRange, WorkerPool},
};

use self::distance::Distance;
use super::{
    pairs::Pairs,
    survivors::Survivors,
    to_space::{Buffer, ToSpace},
};

/// The destination of objects that leave the young generation, for one worker.
pub(crate) trait Promote: ContentInfo {
    /// Returns memory in the old part for an object of `info` that takes `size_with_header` bytes
    /// from its header: the address that it will have. It is the same until it is taken.
    fn place(&mut self, info: &'static TypeInfo, size_with_header: usize) -> (*mut u8, SizeClass);

    /// Takes the memory at `address`: the object was put there.
    fn take(&mut self, address: *mut u8, class: SizeClass, info: &'static TypeInfo);

    /// Records that a large object became old where it is.
    fn promoted_large(&mut self, page: usize);
}

/// Knows the `TypeInfo` of each type.
pub(crate) trait ContentInfo {
    /// Returns the `TypeInfo` of a cell's content.
    fn content_info<T: Trace>() -> &'static TypeInfo;
}

/// Which survivors are promoted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// All of them, whatever their age.
    pub(crate) all: bool,
    /// For tests: every N-th copy finds to-space full. 0: none does.
    pub(crate) to_space_full_every: u32,
    /// For tests: promote at random instead of by age, from this seed.
    pub(crate) random: Option<u64>,
    /// For tests: keep young what would be promoted by age.
    pub(crate) never: bool,
}

impl Policy {
    fn is_test(&self) -> bool {
        self.random.is_some() || self.never || self.to_space_full_every != 0
    }
}

/// The destination of a survivor.
enum Destination {
    ToSpace,
    Old,
    /// The object is in to-space already: its slot was remembered twice, and updated before.
    ThereAlready,
}

/// Memory for a survivor. It is taken once the claim has succeeded.
enum Place {
    /// In to-space, up to the second address.
    Young(*mut u8, *mut u8),
    Old(*mut u8, SizeClass),
}

/// The outcome of [`Evacuator::evacuate_object`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The object was copied before, or has nothing to trace.
    Known,
    /// The object was copied just now and is to be traced.
    Trace,
    /// See [`Destination::ThereAlready`].
    ThereAlready,
}

/// How the pointers of the value that is being traced are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A root or a young object: nothing has to be remembered.
    Young,
    /// An old object.
    Old,
    /// The content of a cell in an old object.
    OldCell,
}

/// One evacuation: what its workers share.
pub(crate) struct Evacuation<'a> {
    pub(crate) map: AddressMap,
    pub(crate) runs: &'a RunTable,
    pub(crate) candidates: &'a Candidates,
    pub(crate) ages: &'a Ages,
    pub(crate) to_space: ToSpace<'a>,
    pub(crate) policy: Policy,
    pub(crate) pool: &'a WorkerPool,
    /// The bytes that the leader copies before other workers join (see
    /// [`parallel`](super::parallel)).
    pub(crate) parallel_threshold: usize,
}

/// One worker of a minor collection. `SHARED`: other workers copy at the same time.
pub(crate) struct Evacuator<'a, P, const SHARED: bool> {
    young_part: Part,
    large_part: Part,
    /// Pointers to be looked at: into the young and the large part, and into the old one while
    /// there are candidates.
    watched: Part,
    sources: Part,
    evacuation: &'a Evacuation<'a>,
    ages: &'a Ages,
    pub(super) promote: P,
    policy: Policy,
    source: Source,
    /// Whether the cell that is being traced holds a young value now.
    cell_is_young: bool,
    /// Whether it holds a pointer into a candidate.
    cell_is_recorded: bool,
    pub(super) work: Packet,
    to: Buffer,
    pub(super) remembered: Remembered,
    recorded: Recorded,
    pub(super) pairs: Pairs,
    pub(super) copied_bytes: usize,
    pub(super) promoted_bytes: usize,
    pub(super) promoted_objects: usize,
    /// Pointer slots that were looked at.
    pub(super) pointers: usize,
    copies: u32,
    distance: Distance,
    /// The bytes copied and promoted at which this worker, if it copies without others, next looks
    /// whether it has work for them.
    share_at: usize,
}

// Two workers may meet a slot that was remembered twice at the same time. The worker that finds the new address in it acquires
// the copy behind the address, and the age of the copy's chunk. These are plain loads and stores on x86-64.
const LOAD: Ordering = Ordering::Acquire;
const STORE: Ordering = Ordering::Release;

impl<'a, P: Promote> Evacuator<'a, P, false> {
    /// Turns into an evacuator for copying by several workers.
    pub(super) fn shared(self) -> Evacuator<'a, P, true> {
        Evacuator {
            young_part: self.young_part,
            large_part: self.large_part,
            watched: self.watched,
            sources: self.sources,
            evacuation: self.evacuation,
            ages: self.ages,
            promote: self.promote,
            policy: self.policy,
            source: self.source,
            cell_is_young: self.cell_is_young,
            cell_is_recorded: self.cell_is_recorded,
            work: self.work,
            to: self.to,
            remembered: self.remembered,
            recorded: self.recorded,
            pairs: self.pairs,
            copied_bytes: self.copied_bytes,
            promoted_bytes: self.promoted_bytes,
            promoted_objects: self.promoted_objects,
            pointers: self.pointers,
            copies: self.copies,
            distance: self.distance,
            share_at: self.share_at,
        }
    }
}

impl<'a, P: Promote, const SHARED: bool> Evacuator<'a, P, SHARED> {
    pub(crate) fn new(evacuation: &'a Evacuation<'a>, promote: P) -> Self {
        let map = &evacuation.map;
        Self {
            young_part: map.young,
            large_part: map.large,
            watched: if evacuation.candidates.is_in_use() { map.all() } else { map.young_and_large() },
            sources: map.large_and_old(),
            evacuation,
            ages: evacuation.ages,
            promote,
            policy: evacuation.policy,
            source: Source::Young,
            cell_is_young: false,
            cell_is_recorded: false,
            work: Packet::default(),
            to: Buffer::default(),
            remembered: Remembered::default(),
            recorded: Recorded::default(),
            pairs: Pairs::default(),
            copied_bytes: 0,
            promoted_bytes: 0,
            promoted_objects: 0,
            pointers: 0,
            copies: 0,
            distance: Distance::default(),
            share_at: evacuation.parallel_threshold,
        }
    }

    /// Calls a type's trace function for this kind of worker.
    ///
    /// # Safety
    ///
    /// `count` values of the type `info` lie from `first` on, no other thread touches them, and
    /// [evacuate.stopped] holds.
    #[inline(always)]
    unsafe fn visit(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        let trace = if SHARED { info.trace.evacuate_shared } else { info.trace.evacuate };
        // SAFETY: the caller's; the visitor is of the type that the function was made for.
        unsafe { trace(first, count, (&raw mut *self).cast()) };
    }

    /// Traces a root: `count` values from `first` on.
    ///
    /// # Safety
    ///
    /// They are live values of the type `info`, and [evacuate.stopped] holds.
    #[inline]
    pub(crate) unsafe fn root(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        self.source = Source::Young;
        // SAFETY: the caller's: live values, with the world stopped.
        unsafe { self.visit(info, first, count) };
    }

    /// Updates the slots and cells of a remembered set, and remembers those again that still hold
    /// young values.
    ///
    /// # Safety
    ///
    /// The set is that of the heap ([barrier.remembered], [barrier.slots-stay]), and
    /// [evacuate.stopped] holds.
    pub(crate) unsafe fn remembered(&mut self, mut set: Remembered) {
        self.source = Source::Old;
        // The last one is the next to be looked at.
        set.pointer_slots.reverse(|place| {
            // Read when its turn comes, once: most are not in any cache.
            let waits = self.sources.contains(place.addr().get());
            if !waits {
                // SAFETY: [barrier.slots-stay]: a pointer slot in memory that an old object owns.
                unsafe { self.pointer_slot(place.as_ptr()) };
            }
            waits
        });
        self.work.remembered.append(set.pointer_slots);
        for cell in set.cells {
            // SAFETY: [barrier.slots-stay], [barrier.logged]: a logged cell of an old object, whose content is of the type `info`.
            unsafe { self.old_cell(cell) };
        }
    }

    /// Updates a slot with the new address of the object that it points to.
    #[inline(always)]
    fn update(&mut self, place: NonNull<PointerSlot>, target: *mut u8) {
        self.pointers += 1;
        // SAFETY: [evacuate.stopped]: a pointer slot that was reached, valid throughout the pause.
        let pointer_slot = unsafe { place.as_ref() };
        // A remembered slot may hold anything: null, an old value, or an address that another entry for it has updated. A pointer
        // into a candidate was recorded by the barrier that stored it.
        if !self.young_part.contains(target.addr()) {
            if self.large_part.contains(target.addr()) {
                self.reach_large(target);
            }
            return;
        }
        // SAFETY: a pointer into the young part points to an object of from-space or to-space.
        let (to, outcome) = unsafe { self.evacuate_object(target) };
        if outcome == Outcome::ThereAlready {
            return;
        }
        pointer_slot.store(to, STORE);
        if self.sources.contains(place.addr().get()) && self.young_part.contains(to.addr()) {
            self.remembered.pointer_slots.push(place);
        }
        if outcome == Outcome::Trace {
            self.trace(to);
        }
    }

    /// Evacuates an object of the young part, and returns its new address.
    ///
    /// # Safety
    ///
    /// `address` is that of an object in from-space or to-space.
    #[inline(always)]
    unsafe fn evacuate_object(&mut self, address: *mut u8) -> (*mut u8, Outcome) {
        // SAFETY: an object's address has a header before it.
        let header = unsafe { Header::of(address) };
        // SAFETY: initialised. In a pause with several workers it is accessed through `forwarding` only ([forwarding.here-only]),
        // otherwise by this worker only.
        let seen = unsafe { if SHARED { header.forwarding().look() } else { header.raw() } };
        // SAFETY: an initialised header's word. One test for all that is special.
        if let Some(info) = unsafe { HeaderWord::plain(seen) } {
            // SAFETY: an object of this type, whose header is `seen`.
            return unsafe { self.copy(address, seen, info) };
        }
        // SAFETY: an initialised header's word.
        match unsafe { HeaderWord::of(seen) } {
            HeaderWord::Forwarded(to) => (to, Outcome::Known),
            // SAFETY: an object of this type, whose header is `seen`.
            HeaderWord::Info(info) => unsafe { self.copy_flagged(address, seen, info) },
            // SAFETY: nothing points to a filler, so it is a key for which pairs wait.
            HeaderWord::Filler(_) => unsafe { self.copy_key(address) },
        }
    }

    /// Copies an object that has flags. One copy of the code serves all of them.
    ///
    /// # Safety
    ///
    /// As for [`copy`](Self::copy).
    #[inline(never)]
    unsafe fn copy_flagged(&mut self, address: *mut u8, seen: *mut u8, info: &'static TypeInfo) -> (*mut u8, Outcome) {
        // SAFETY: the caller's.
        unsafe { self.copy(address, seen, info) }
    }

    /// Copies an object, if no other worker does it first.
    ///
    /// # Safety
    ///
    /// `address` is that of an object of type `info` in from-space or to-space, and `seen` was read
    /// from its header.
    #[inline(always)]
    unsafe fn copy(&mut self, address: *mut u8, seen: *mut u8, info: &'static TypeInfo) -> (*mut u8, Outcome) {
        // SAFETY: an object's address has a header before it.
        let header = unsafe { Header::of(address) };
        self.distance.last = address.addr();
        // SAFETY: an object of this type.
        let size_with_header = unsafe { info.size_with_header(address) };
        let place = match self.destination(address) {
            Destination::ToSpace => self.survivor(info, size_with_header),
            Destination::Old => None,
            Destination::ThereAlready => return (address, Outcome::ThereAlready),
        };
        let place = place.unwrap_or_else(|| {
            let (to, class) = self.promote.place(info, size_with_header);
            Place::Old(to, class)
        });
        let (Place::Young(to, _) | Place::Old(to, _)) = place;
        if SHARED {
            // SAFETY: both ranges run over the object without its header, which other workers may be claiming; no other code uses
            // the new one.
            unsafe { copy_object(address, to, size_with_header - HEADER) };
            // SAFETY: the header of memory that no other code uses.
            unsafe { Header::of(to).write_raw(seen) };
            // SAFETY: as for the read of `seen`.
            if let Err(first) = unsafe { header.forwarding() }.claim(seen, forwarded(to)) {
                // SAFETY: an initialised header's word.
                let HeaderWord::Forwarded(to) = (unsafe { HeaderWord::of(first) }) else {
                    unreachable!("gc-core: a header in from-space is forwarded, or as it was")
                };
                return (to, Outcome::Known);
            }
            self.take(&place, info, size_with_header);
        } else {
            self.take(&place, info, size_with_header);
            // SAFETY: both ranges run from the header over `size_with_header` bytes; no other code uses the new one.
            unsafe { copy_object(address.sub(HEADER), to.sub(HEADER), size_with_header) };
            // SAFETY: the world is stopped and the object was copied ([header.forwards-stopped]).
            unsafe { header.forward(to) };
        }
        (to, if info.shape.leaf { Outcome::Known } else { Outcome::Trace })
    }

    /// Ends the worker's part: its chunk goes back to the heap.
    pub(super) fn retire(&mut self) {
        self.to.retire(&self.evacuation.to_space);
        self.evacuation.candidates.hand_over(mem::take(&mut self.recorded));
    }

    /// Traces a survivor at its new address.
    #[inline(always)]
    fn trace(&mut self, address: *mut u8) {
        // SAFETY: a survivor has a header, which points to its `TypeInfo` again at the new address.
        let info = unsafe { Header::of(address).info() };
        self.source = if self.young_part.contains(address.addr()) { Source::Young } else { Source::Old };
        if info.shape.slice {
            // SAFETY: an object of this type.
            let until = unsafe { info.len(address) };
            let slice = NonNull::new(address).expect("no object is at address 0");
            if until > PIECE {
                self.work.slices.push(SliceRange { slice, from: PIECE, until });
            }
            return self.trace_elements(info, SliceRange { slice, from: 0, until: until.min(PIECE) });
        }
        let before = self.work.places.len();
        // SAFETY: one value of this type, copied whole; no other thread touches it.
        unsafe { self.visit(info, address, 1) };
        self.turn(before);
    }

    /// Traces a piece of a slice that waited for it.
    fn trace_piece(&mut self, piece: SliceRange) {
        let address = piece.slice.as_ptr();
        self.source = if self.young_part.contains(address.addr()) { Source::Young } else { Source::Old };
        // SAFETY: as in `trace`.
        let info = unsafe { Header::of(address).info() };
        self.trace_elements(info, piece);
    }

    #[inline(always)]
    fn trace_elements(&mut self, info: &'static TypeInfo, piece: SliceRange) {
        let first = info.first(piece.slice.as_ptr()).wrapping_add(piece.from * info.shape.elem_size as usize);
        let before = self.work.places.len();
        // SAFETY: elements of the slice, as in `trace`; each is in one piece.
        unsafe { self.visit(info, first, piece.until - piece.from) };
        self.turn(before);
    }
}

impl<P, const SHARED: bool> sealed::Visitor for Evacuator<'_, P, SHARED> {}

impl<P: Promote, const SHARED: bool> Visitor for Evacuator<'_, P, SHARED> {
    const MOVES: bool = true;

    #[inline(always)]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a valid pointer slot, for the whole pause.
        let place = unsafe { NonNull::new_unchecked(pointer_slot) };
        // SAFETY: as above.
        let target = unsafe { place.as_ref() }.load(LOAD);
        if !self.young_part.contains(target.addr()) {
            if self.watched.contains(target.addr()) {
                self.watch(place, target);
            }
            return;
        }
        // Its turn comes later, if it will be known then whether the slot has to be remembered.
        if self.source == Source::Young
            || (self.source == Source::Old && self.sources.contains(pointer_slot.addr()))
            || self.becomes_old(target)
        {
            prefetch(target.wrapping_sub(HEADER));
            self.work.places.push(place);
        } else {
            self.slot_now(place);
        }
    }

    #[inline]
    unsafe fn cell<T: Trace>(&mut self, word: *mut CellWord, content: *mut T) {
        if self.source == Source::Old {
            // SAFETY: the caller passes the word and the content of one cell, in the old object that is being traced.
            unsafe {
                let word = NonNull::new_unchecked(word);
                self.old_cell(RememberedCell { word, info: P::content_info::<T>() });
            }
        } else {
            // SAFETY: the caller's; the world is stopped.
            unsafe { T::trace(content, self) }
        }
    }

    #[inline]
    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair) {
        // SAFETY: the caller passes a pair, an object that was copied in this pause and does not move again.
        self.pair(unsafe { PairRef::new(pair) });
    }
}
