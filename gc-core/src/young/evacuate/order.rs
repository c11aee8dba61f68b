//! The order in which objects are copied, which is the order in which they lie in memory from then
//! on.
//!
//! Programs walk what they have built: from an object to what its first field points to, then all
//! that this leads to, then the second field. Survivors lie in this order, so that a walk reads
//! memory from front to back, as the processor expects, at whatever depth it is. Each size class of
//! the old generation has blocks of its own, and is in this order for itself.
//!
//! - **[order.depth-first]** What is reachable through the first pointer of an object is copied
//!   before what only its second one leads to: in the order of fields and elements, of roots, and
//!   of remembered slots, which come last. So a slot is put aside for its turn wherever that is
//!   possible: also one in a cell of an object that becomes old, if its target becomes old too,
//!   because then the cell need not be remembered whatever happens before
//!   ([`becomes_old`](Evacuator::becomes_old)).
//! - **[order.scattered]** The first object that a copy leads to is needed at once, so its memory
//!   is not prefetched in time. It is not waited for if the objects of a structure were allocated
//!   one after the other. If most of them lie far from the one that was copied before, they wait in
//!   a short queue while others are copied (Cher, Hosking, Vitek: *Software prefetching for
//!   mark-sweep garbage collection*, 2004). They lie eight apart then, which the next collection
//!   that copies them finds near.
//! - **[order.share]** With several workers, each copies in this order what it took. The oldest
//!   half of the work is shared, from which most is reachable.

use super::*;

/// Slots between the prefetch of their object's header and its copy.
const IN_FLIGHT: usize = 8;
/// How far below the top of their stack remembered slots are prefetched, which lie anywhere in old
/// memory.
const FAR: usize = 16;
/// How far below it the headers of their objects are prefetched.
const NEAR: usize = 8;

/// Entries of work that are worth sharing.
const DIVISIBLE: usize = 8;
/// Bytes after which a worker that copies alone looks again whether it has so many.
const LOOK_AGAIN: usize = 32 << 10;
/// Rounds between two looks whether a thread is starving.
const LOOK_EVERY: u32 = 64;

impl<P: Promote, const SHARED: bool> Evacuator<'_, P, SHARED> {
    /// Has the roots that were passed so far copied in their order, not from the last one.
    pub(in crate::young) fn begin(&mut self) {
        self.work.places.reverse();
    }

    /// Copies and traces everything that is reachable from the roots and slots passed so far. A
    /// worker that copies alone stops at the parallel threshold, if it has work for others. One of
    /// several workers shares work with starving threads.
    pub(in crate::young) fn drain(&mut self) {
        // First in, first out: `waiting` slots from `first` on, whose objects are on their way to the cache.
        let mut queue = [NonNull::<PointerSlot>::dangling(); IN_FLIGHT];
        let (mut first, mut waiting) = (0, 0);
        let mut looked: u32 = 0;
        loop {
            if SHARED {
                looked = looked.wrapping_add(1);
                if looked.is_multiple_of(LOOK_EVERY) && self.evacuation.pool.is_starving() {
                    self.give();
                }
            } else if self.copied_bytes + self.promoted_bytes >= self.share_at && self.is_divisible(waiting) {
                // The slots in the queue go back to the stack, for all workers.
                self.work.places.extend((0..waiting).map(|nth| queue[(first + nth) % IN_FLIGHT]));
                return;
            }
            if let Some(place) = self.work.places.pop() {
                let target = target_of(place);
                if !self.distance.is_scattered(target.addr()) {
                    self.update(place, target);
                    continue;
                }
                prefetch(target.wrapping_sub(HEADER));
                queue[(first + waiting) % IN_FLIGHT] = place;
                waiting += 1;
                if waiting < IN_FLIGHT {
                    continue;
                }
            } else if let Some(place) = self.work.remembered.pop() {
                self.look_ahead();
                self.update(place, target_of(place));
                continue;
            }
            if waiting > 0 {
                let due = queue[first];
                first = (first + 1) % IN_FLIGHT;
                waiting -= 1;
                self.update(due, target_of(due));
            } else if let Some(object) = self.work.objects.pop() {
                self.trace(object.as_ptr());
            } else if let Some(piece) = self.work.next_piece() {
                self.trace_piece(piece);
            } else {
                return;
            }
        }
    }

    /// Prefetches a remembered slot, and the header behind one that is nearer to the top of the
    /// stack.
    #[inline(always)]
    fn look_ahead(&self) {
        if let Some(later) = self.work.remembered.below(FAR) {
            prefetch(later.as_ptr().cast());
        }
        if let Some(&later) = self.work.remembered.below(NEAR) {
            prefetch(target_of(later).wrapping_sub(HEADER));
        }
    }

    /// Turns the slots around that were pushed since the stack had `from` of them, so that the
    /// first is the next ([order.depth-first]).
    #[inline(always)]
    pub(super) fn turn(&mut self, from: usize) {
        match &mut self.work.places[from..] {
            [] | [_] => {}
            [first, second] => mem::swap(first, second),
            more => more.reverse(),
        }
    }

    /// Returns whether other workers would find something to do. A linked list has one slot at a
    /// time, and one worker copies it faster.
    #[cold]
    #[inline(never)]
    fn is_divisible(&mut self, waiting: usize) -> bool {
        let divisible = self.evacuation.parallel_threshold == 0
            || self.work.len() + waiting >= DIVISIBLE
            || !self.work.slices.is_empty();
        if !divisible {
            self.share_at += LOOK_AGAIN;
        }
        divisible
    }

    /// Shares half of the work.
    #[cold]
    #[inline(never)]
    fn give(&mut self) {
        if let Some(half) = self.work.split() {
            self.evacuation.pool.share(half);
        }
    }
}

/// Returns what a slot that waits for its turn points to.
#[inline(always)]
fn target_of(place: NonNull<PointerSlot>) -> *mut u8 {
    // SAFETY: [evacuate.stopped]: a pointer slot that was reached, valid throughout the pause.
    unsafe { place.as_ref() }.load(LOAD)
}
