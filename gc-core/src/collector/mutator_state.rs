//! What belongs to one mutator.
//!
//! - **[mutator-state.owner]** The owner touches it while its mutator is RUNNING, the leader of a pause while the owner is at a safepoint or BLOCKED.

use core::{
    cell::{Cell, RefCell},
    panic::Location,
    ptr,
    ptr::NonNull,
};

use crate::{
    barrier::Barrier,
    counted::Token,
    object::CellUser,
    roots::RootTable,
    safepoint::{Poll, StateWord},
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
    young::Buffer,
};

/// One mutator. The first line of the cache is what the fast paths touch.
#[repr(C, align(64))]
pub(crate) struct MutatorState {
    pub(crate) poll: Poll,
    /// How it locks cells: changes in stops only.
    pub(crate) cell_user: Cell<CellUser>,
    /// The mutator's number: names the writer in a cell's word.
    pub(crate) number: u32,
    pub(crate) buffer: Buffer,
    pub(crate) barrier: Barrier,
    pub(crate) word: StateWord,
    /// What it owns `Counted`s by.
    pub(crate) token: Token,
    pub(crate) roots: Arc<RootTable>,
    /// Young objects that need dropping.
    pub(crate) drops: DropList,
    /// Runs of young large objects.
    pub(crate) fresh_large: RefCell<Vec<u32>>,
    /// Testing: allocations or safepoints since the last forced collection.
    pub(crate) stress_count: Cell<u32>,
    /// The number of the last full collection that had begun when an allocation was last refused: it was promised a later one.
    pub(crate) refused_at: Cell<u64>,
    /// Where its owner was last seen: at a safepoint that had something to do, or in `blocked`.
    pub(crate) seen_at: Place,
}

/// Objects that need dropping, in a buffer that is filled by bumping a pointer: part of allocating one.
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
        // SAFETY: below `end`, in the buffer of `entries`, where nobody else writes.
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

    /// What was added since the last time.
    pub(crate) fn take(&self) -> Vec<NonNull<u8>> {
        let mut entries = self.entries.take();
        self.end.set(ptr::null_mut());
        let next = self.next.replace(ptr::null_mut());
        if !next.is_null() {
            let written = (next.addr() - entries.as_ptr().addr()) / size_of::<NonNull<u8>>();
            // SAFETY: `grow` left `next` at the end of the entries, and `push` has written all from there on.
            unsafe { entries.set_len(written) };
        }
        entries
    }
}

/// A place in the program, which other threads may ask for at any time.
#[derive(Default)]
pub(crate) struct Place(AtomicPtr<Location<'static>>);

impl Place {
    #[inline(always)]
    pub(crate) fn set(&self, place: &'static Location<'static>) {
        // Relaxed: of a static, for a report.
        self.0.store(ptr::from_ref(place).cast_mut(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null, or made of a static reference.
        // Relaxed: as for `set`.
        unsafe { self.0.load(Ordering::Relaxed).as_ref() }
    }
}
