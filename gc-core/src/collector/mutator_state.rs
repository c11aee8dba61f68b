//! The state of one mutator.
//!
//! - **[mutator-state.owner]** The owner touches it while its mutator is RUNNING. The leader of a
//!   pause touches it while the owner is at a safepoint or BLOCKED. The owner that rejoins the
//!   members touches it with the registry lock, so that there is no leader ([safepoint.dormant]).

use core::{
    cell::{Cell, RefCell},
    panic::Location,
    ptr,
    ptr::NonNull,
};
use std::thread::Thread;

use crossbeam_utils::CachePadded;

use crate::{
    barrier::Barrier,
    counted::Token,
    object::CellUser,
    old::allocate::OldCells,
    roots::RootTable,
    safepoint::{Member, Poll, StateWord},
    sync::atomic::{AtomicPtr, Ordering},
    young::{Buffer, Sampler},
};

/// One mutator. The first cache line holds what the fast paths touch.
#[repr(C, align(64))]
pub(crate) struct MutatorState {
    pub(crate) poll: Poll,
    /// How the mutator locks cells. It changes only while the world is stopped.
    pub(crate) cell_user: Cell<CellUser>,
    /// The mutator's number, which names the writer in a cell's word.
    pub(crate) number: u32,
    pub(crate) buffer: Buffer,
    pub(crate) barrier: Barrier,
    /// Other threads write it when they stop the world or hold the mutator: it has a cache line of
    /// its own.
    pub(crate) word: CachePadded<StateWord>,
    /// The token by which it owns `Counted`s.
    pub(crate) token: Token,
    pub(crate) roots: RootTable,
    /// Young objects that need dropping.
    pub(crate) drops: DropList,
    /// Runs of young large objects.
    pub(crate) fresh_large: RefCell<Vec<u32>>,
    /// Testing: counts allocations and safepoints, to force a collection at every N-th.
    pub(crate) stress_count: Cell<u32>,
    /// Where it allocates objects of types that nearly always live for long.
    pub(crate) old_cells: OldCells,
    /// When it takes the next sample of what it allocates.
    pub(crate) sampler: Sampler,
    /// The number of the last major cycle that had begun when an allocation was last refused. The
    /// mutator waits for a later one.
    pub(crate) refused_at: Cell<u64>,
    /// The number of collections when it last waited for destructors ([limit.drops]).
    pub(crate) waited_at: Cell<u64>,
    /// The thread that it belongs to.
    pub(crate) thread: Thread,
    /// Its index among the awake or the dormant mutators in the registry, under the registry lock.
    pub(crate) place: Cell<usize>,
    /// Where its owner was last seen: at a safepoint that took the slow path, in `collect` or in
    /// `blocked`.
    pub(crate) seen_at: Place,
}

impl MutatorState {
    /// Returns the mutator as a member of the rendezvous.
    #[inline(always)]
    pub(crate) fn member(&self) -> Member<'_> {
        Member { word: &self.word, poll: &self.poll }
    }
}

/// A list of objects that need dropping. The allocation of such an object adds it, so the buffer is
/// filled by bumping a pointer.
///
/// `next` and `end` are in the spare capacity of `entries`, or null.
#[derive(Default)]
pub(crate) struct DropList {
    next: Cell<*mut NonNull<u8>>,
    end: Cell<*mut NonNull<u8>>,
    entries: RefCell<Vec<NonNull<u8>>>,
}

impl DropList {
    /// Adds an object.
    #[inline(always)]
    pub(crate) fn push(&self, object: NonNull<u8>) {
        if self.next.get() == self.end.get() {
            self.grow();
        }
        let next = self.next.get();
        // SAFETY: `next` is below `end`, in the spare capacity of `entries`, where no other code writes.
        unsafe { next.write(object) };
        self.next.set(next.wrapping_add(1));
    }

    #[cold]
    #[inline(never)]
    fn grow(&self) {
        let mut entries = self.take();
        entries.reserve(entries.len().max(512));
        let spare = entries.spare_capacity_mut().as_mut_ptr_range();
        self.next.set(spare.start.cast());
        self.end.set(spare.end.cast());
        self.entries.replace(entries);
    }

    /// Takes the objects that were added, and leaves the list empty.
    pub(crate) fn take(&self) -> Vec<NonNull<u8>> {
        let mut entries = self.entries.take();
        self.end.set(ptr::null_mut());
        let next = self.next.replace(ptr::null_mut());
        if !next.is_null() {
            let written = (next.addr() - entries.as_ptr().addr()) / size_of::<NonNull<u8>>();
            // SAFETY: `grow` set `next` to the end of the entries, and `push` has written everything from there up to `next`.
            unsafe { entries.set_len(written) };
        }
        entries
    }
}

/// A place in the program's source, which other threads may read at any time.
#[derive(Default)]
pub(crate) struct Place(AtomicPtr<Location<'static>>);

impl Place {
    #[inline(always)]
    pub(crate) fn set(&self, place: &'static Location<'static>) {
        // Relaxed: a pointer to a static, for a report.
        self.0.store(ptr::from_ref(place).cast_mut(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<&'static Location<'static>> {
        // SAFETY: the pointer is null, or made from a static reference.
        // Relaxed: as for `set`.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    /// The word is written by other threads; what the owner uses all the time lies on other cache
    /// lines.
    #[test]
    fn the_state_word_has_a_cache_line_of_its_own() {
        let word = offset_of!(MutatorState, word)..offset_of!(MutatorState, word) + size_of::<CachePadded<StateWord>>();
        for used in [
            offset_of!(MutatorState, poll),
            offset_of!(MutatorState, buffer),
            offset_of!(MutatorState, barrier),
            offset_of!(MutatorState, roots),
            offset_of!(MutatorState, drops),
        ] {
            assert!(used + 64 <= word.start || used >= word.end, "{used} lies beside {word:?}");
        }
        assert_eq!(word.start % 64, 0);
    }
}
