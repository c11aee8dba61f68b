//! `RootRef`: a filed root, for use from any thread.

use core::{
    panic::Location,
    ptr::{self, NonNull},
};

use crate::sync::{Arc, atomic::Ordering};

use super::{
    boxed::BoxedValue,
    chunk::{CHUNK, Chunk, ChunkHead, ChunkRef, HeapHandle, Owner, RootSlot},
    root_word::{Kept, Rooted},
    space::RootSpace,
    table::RootTable,
};

/// A filed root, for use from any thread. Its slot is in use.
#[derive(Clone, Copy)]
pub(crate) struct RootRef(NonNull<RootSlot>);

// SAFETY: the methods say which thread may call them.
unsafe impl Send for RootRef {}

/// What a drop gives up, to be dropped with no lock held: it may end the heap.
#[must_use]
#[derive(Default)]
pub(crate) struct GivenUp {
    _last: Option<Arc<dyn HeapHandle>>,
    held: Option<Arc<dyn HeapHandle>>,
    /// The heap has no user any more: this thread looks for what was dropped
    /// ([attendance.one-finds]).
    is_unattended: bool,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if self.is_unattended
            && let Some(heap) = &self.held
        {
            heap.take_dropped_roots();
        }
    }
}

impl RootRef {
    #[inline(always)]
    pub(crate) fn new(slot: NonNull<RootSlot>) -> Self {
        Self(slot)
    }

    #[inline(always)]
    fn chunk(self) -> ChunkRef {
        let chunk = self.0.as_ptr().map_addr(|a| a & !(CHUNK - 1)).cast::<Chunk>();
        // SAFETY: slots lie in chunks, none of which is at address 0.
        ChunkRef(unsafe { NonNull::new_unchecked(chunk) })
    }

    #[inline(always)]
    fn head(&self) -> &ChunkHead {
        // SAFETY: chunks are aligned and start with their head. A chunk lives as long as a root in it does; callers do not use the
        // reference after the root is dropped.
        unsafe { &self.chunk().0.as_ref().head }
    }

    #[inline(always)]
    fn slot(&self) -> &RootSlot {
        // SAFETY: a live root's slot; as in `head`.
        unsafe { self.0.as_ref() }
    }

    /// Returns the identity of the heap.
    #[inline(always)]
    pub(crate) fn heap(self) -> *const () {
        self.head().heap
    }

    /// Returns where the root was made, if that is known ([places.overwritten]).
    pub(crate) fn place_of_making(self) -> Option<&'static Location<'static>> {
        // SAFETY: the heap lives, as this root does.
        unsafe { self.head().space.cast::<RootSpace>().as_ref() }.places.of(self.0.addr().get())
    }

    /// Returns the address of a value filed by [`RootTable::inline`].
    #[inline(always)]
    pub(crate) fn inline_value(self) -> *mut u8 {
        self.slot().value.get().cast()
    }

    /// Returns the address of a value filed by [`RootTable::boxed`].
    #[inline(always)]
    pub(crate) fn boxed_value(self) -> *mut u8 {
        // SAFETY: the slot is in use, and its value was written once, before any other thread saw it.
        unsafe { *self.slot().value.get() }
    }

    /// Notes that the running mutator, whose table is `table`, is about to write to the value
    /// ([question.written]).
    #[inline(always)]
    pub(crate) fn before_write(self, table: &RootTable) {
        if !self.head().question.is_written() {
            table.put_in_question(self.chunk());
        }
    }

    /// Drops a root filed by [`RootTable::inline`], on the thread whose running mutator is
    /// `current` (null for none).
    #[inline(always)]
    pub(crate) fn release_inline(self, current: Owner) {
        if self.is_owned(current) { self.release_here() } else { drop_given_up(self, Kept::Inline) }
    }

    /// Takes a value filed by [`RootTable::boxed`] out, and drops its root. The caller drops the
    /// value and frees it. `table` is that of `current`, the thread's running mutator, which is one
    /// of this heap: so no pause is tracing the value.
    pub(crate) fn take_boxed(self, current: Owner, table: &RootTable) -> (BoxedValue, GivenUp) {
        let value = self.value();
        table.count_taken(value.info);
        if self.is_owned(current) {
            self.release_here();
            return (value, GivenUp::default());
        }
        (value, self.release_elsewhere(Kept::Inline))
    }

    /// Does the same for a thread that runs no mutator, and has the registry locked: so no pause is
    /// tracing the value.
    pub(crate) fn take_boxed_between_pauses(self) -> (BoxedValue, GivenUp) {
        let value = self.value();
        // SAFETY: the heap lives, as this root does.
        unsafe { self.head().space.cast::<RootSpace>().as_ref() }
            .count_boxed(-(BoxedValue::bytes(value.info) as isize));
        (value, self.release_elsewhere(Kept::Inline))
    }

    /// Leaves a root filed by [`RootTable::boxed`] to the next pause.
    #[cold]
    #[inline(never)]
    pub(crate) fn leave_boxed(self) {
        drop_given_up(self, Kept::Boxed);
    }

    /// Returns the boxed value of a live root.
    fn value(self) -> BoxedValue {
        debug_assert!(matches!(self.slot().word.look(), Rooted::Live(_, Kept::Boxed)));
        // SAFETY: the slot of a boxed root, which lives.
        unsafe { BoxedValue::at(self.slot().boxed()) }
    }

    /// Returns whether this thread is the running owner ([roots.owner], [roots.chunk-owner]).
    #[inline(always)]
    fn is_owned(self, current: Owner) -> bool {
        // Relaxed: [roots.chunk-owner].
        ptr::eq(self.head().owner.load(Ordering::Relaxed), current)
    }

    /// Drops the root. The caller is the running owner.
    #[inline(always)]
    fn release_here(self) {
        let head = self.head();
        head.link(self.slot());
        if head.count_down() {
            // SAFETY: the table of the running owner.
            unsafe { &*head.own.table.get().cast::<RootTable>() }.attend(self.chunk());
        }
    }

    /// Drops the root for a caller that is not its running owner. `Inline`: the value is gone.
    fn release_elsewhere(self, kept: Kept) -> GivenUp {
        let (chunk, head) = (self.chunk(), self.head());
        let index = (self.0.addr().get() - ptr::from_ref(chunk.slot(0)).addr()) / size_of::<RootSlot>();
        let (handle, space) = (head.handle, head.space.cast::<RootSpace>());
        // SAFETY: the heap lives, as this root does: its owner, or the chunk, has a reference.
        let hold = || unsafe {
            Arc::increment_strong_count(handle);
            Arc::from_raw(handle)
        };
        let mut held: Option<Arc<dyn HeapHandle>> = None;
        let mut much = false;
        if kept == Kept::Boxed {
            let bytes = BoxedValue::bytes(self.value().info);
            // SAFETY: as above.
            much = unsafe { space.as_ref() }.weigh(Some(bytes));
            held = much.then(hold);
        }
        // The slot does not belong to this thread any more once this returns, nor does the chunk, unless it became NOTED.
        let dropped = head.drops.word.drop_elsewhere(index as u16, |below, notes| {
            if notes && held.is_none() {
                held = Some(hold());
            }
            self.slot().word.drop_elsewhere(kept, below);
        });
        let mut is_unattended = false;
        if dropped.notes {
            // SAFETY: `held` keeps the heap.
            let space = unsafe { space.as_ref() };
            much |= space.weigh(None);
            // SAFETY: [chunk-word.last-touch]: this thread has set NOTED, so the chunk exists until it is taken from the list.
            unsafe { space.noted.add(chunk.0) };
            is_unattended = space.attendance.has_ended();
        }
        if much && let Some(held) = &held {
            held.collect_soon();
        }
        // SAFETY: the chunk's reference to the heap, which exactly this thread gives up ([chunk-word.last]).
        let last = dropped.last.then(|| unsafe { Arc::from_raw(handle) });
        GivenUp { _last: last, held, is_unattended }
    }
}

/// Drops a root elsewhere, on a thread that holds no lock.
#[cold]
#[inline(never)]
fn drop_given_up(root: RootRef, kept: Kept) {
    drop(root.release_elsewhere(kept));
}
