//! Updating pointers to objects of the old part that were moved.
//!
//! - **[update.stopped]** The world is stopped. The blocks that were evacuated are candidates, and
//!   no others. The headers of their objects still forward to the new addresses.

use core::ptr::NonNull;

use crate::{
    memory::{AddressMap, GRANULE, bitmap},
    object::{CellWord, EphemeronPair, Header, HeaderWord, PairRef, PointerSlot, TypeInfo},
    space::{
        candidates::{Candidates, Recorded, RecordedCell},
        old::OldSpace,
    },
    sync::{atomic::Ordering, mutant},
    trace::{Trace, Visitor, sealed},
};

/// Updates pointers ([update.stopped]).
pub(crate) struct Updater<'a> {
    map: AddressMap,
    candidates: &'a Candidates,
}

/// Recorded places ahead of the one that is updated, whose memory is prefetched.
const AHEAD: usize = 16;

impl<'a> Updater<'a> {
    pub(crate) fn new(map: AddressMap, candidates: &'a Candidates) -> Self {
        Self { map, candidates }
    }

    /// Updates the pointers of `count` values from `first` on.
    ///
    /// # Safety
    ///
    /// They are live values of the type `info`, to which no references exist, and [update.stopped]
    /// holds.
    pub(crate) unsafe fn values(&mut self, info: &'static TypeInfo, first: *mut u8, count: usize) {
        // SAFETY: the caller's; the visitor is of the type that `update` was made for.
        unsafe { (info.trace.update)(first, count, (&raw mut *self).cast()) };
    }

    /// Updates the pointers of an object.
    ///
    /// # Safety
    ///
    /// `address` is that of a live object that is not forwarded, to which no references exist, and
    /// [update.stopped] holds.
    pub(crate) unsafe fn object(&mut self, address: *mut u8) {
        // SAFETY: the caller's: an object that is not forwarded.
        let info = unsafe { Header::of(address).info() };
        if !info.shape.leaf {
            // SAFETY: the values of that object.
            unsafe { self.values(info, info.first(address), info.len(address)) };
        }
    }

    /// Updates the pointers at recorded places. A place in an object that was moved itself has
    /// moved along.
    ///
    /// # Safety
    ///
    /// The places were recorded for the candidates ([candidates.superset]), and [update.stopped]
    /// holds.
    pub(crate) unsafe fn recorded(&mut self, old: &OldSpace, recorded: Recorded) {
        for (nth, place) in recorded.pointer_slots.iter().enumerate() {
            if let Some(later) = recorded.pointer_slots.get(nth + AHEAD) {
                bitmap::prefetch(later.as_ptr().cast());
            }
            if let Some(place) = self.whereabouts(old, place.cast()) {
                // SAFETY: [candidates.superset]: a pointer slot.
                unsafe { self.pointer_slot(place.as_ptr().cast()) };
            }
        }
        for RecordedCell { content, update } in recorded.cells {
            if let Some(content) = self.whereabouts(old, content) {
                // SAFETY: [candidates.superset]: the content of a cell, with the function of its type.
                unsafe { update(content.as_ptr(), 1, (&raw mut *self).cast()) };
            }
        }
    }

    /// Returns where a place is now. `None` if it was in a dead object of an evacuated block.
    fn whereabouts(&self, old: &OldSpace, place: NonNull<u8>) -> Option<NonNull<u8>> {
        let at = place.addr().get();
        if !self.map.old.contains(at) || !self.candidates.contains(at) {
            return Some(place);
        }
        let block = self.map.block_of(at);
        let class = old.blocks[block].class.expect("an evacuated block keeps its class until pointers are updated");
        let cell = class.cell_of(at - self.map.block_start(block)) * class.bytes();
        // Allocation bits are cleared later, too.
        let granule = bitmap::next_set(old.bits.allocated.block(block), cell / GRANULE)?;
        let address = old.address(block, class, granule);
        // SAFETY: an allocation bit is that of an object, and the world is stopped.
        match unsafe { Header::of(address).read() } {
            HeaderWord::Forwarded(to) => NonNull::new(to.wrapping_add(at - address.addr())),
            _ => None,
        }
    }
}

impl sealed::Visitor for Updater<'_> {}

impl Visitor for Updater<'_> {
    const MOVES: bool = true;

    #[inline(always)]
    unsafe fn pointer_slot(&mut self, pointer_slot: *mut PointerSlot) {
        // SAFETY: the caller passes a valid pointer slot.
        let pointer_slot = unsafe { &*pointer_slot };
        // Relaxed, both: the world is stopped.
        let target = pointer_slot.load(Ordering::Relaxed);
        if self.candidates.contains(target.addr()) && !mutant::PLACES_ARE_NOT_UPDATED.is_planted() {
            // SAFETY: an address in the old part is that of an object, dead or alive.
            if let HeaderWord::Forwarded(to) = unsafe { Header::of(target).read() } {
                pointer_slot.store(to, Ordering::Relaxed);
            }
        }
    }

    #[inline(always)]
    unsafe fn cell<T: Trace>(&mut self, _: *mut CellWord, content: *mut T) {
        // SAFETY: the caller's; no guard survives a stop, so no reference to the content exists.
        unsafe { T::trace(content, self) }
    }

    unsafe fn ephemeron(&mut self, pair: *mut EphemeronPair) {
        // SAFETY: the caller passes a pair.
        for place in unsafe { PairRef::new(pair) }.places() {
            // SAFETY: a pointer slot of the pair.
            unsafe { self.pointer_slot(place) };
        }
    }
}

/// Updates the pointers in the content of a cell.
///
/// # Safety
///
/// `content` is a valid `T` to which no references exist, and `updater` is an [`Updater`] that no
/// other code uses meanwhile; [update.stopped] holds.
pub(crate) unsafe fn update_content<T: Trace>(content: *mut u8, _: usize, updater: *mut u8) {
    // SAFETY: the caller passes an `Updater` that no other code uses meanwhile.
    let updater = unsafe { &mut *updater.cast::<Updater<'_>>() };
    // SAFETY: the caller passes a valid `T`, and the world is stopped.
    unsafe { T::trace(content.cast(), updater) }
}
