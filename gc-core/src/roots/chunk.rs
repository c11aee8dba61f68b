//! Chunks of root slots.
//!
//! A slot holds a value of up to one word inline. A larger value is boxed (`boxed`). Slots never
//! move while they are in use.
//!
//! - **[roots.owner]** A chunk has an *owner*: a mutator, whose table it is in; once that has
//!   detached, the pool. Its `free`, `until`, `floor`, places and free slots belong to its running
//!   owner, or to the thread that holds the pool's lock; in a pause to the leader.
//! - **[roots.chunk-owner]** `owner` is the mutator, or [`DETACHED`], which is no mutator. So a
//!   thread that finds its own current mutator there is the running owner.
//! - **[roots.keep-heap]** Roots keep their heap alive: an orphaned chunk with roots has a
//!   reference to the heap ([chunk-word.last]). While its owner is attached, the mutator has.
//! - **[roots.freed]** A chunk is freed without roots, not in question and not NOTED: so no thread
//!   will touch it, and it is on no list.
//! - **[roots.countdown]** `until + floor` is how many slots are not in the chunk's free list. So a
//!   drop by the owner counts down one number, and looks further where it is zero: at enough free
//!   slots for the chunk to be filled again, or at none in use.

use core::{
    cell::{Cell, UnsafeCell},
    ptr,
    ptr::NonNull,
};

use crate::{
    memory::PAGE,
    object::TypeInfo,
    sync::{Arc, atomic::AtomicPtr},
};

use super::{
    boxed::BoxedValue,
    chunk_word::ChunkWord,
    noted::Noted,
    question::Question,
    root_word::{Kept, RootWord, Rooted},
};

/// Keeps a heap alive while it exists.
pub(crate) trait HeapHandle: Send + Sync {
    /// Asks for a collection, soon: much was dropped elsewhere.
    fn collect_soon(&self);

    /// Has the values dropped of all roots that were dropped elsewhere: the heap has no user any
    /// more, so no collection will. Takes locks.
    fn take_dropped_roots(&self);
}

/// Identifies a mutator: the address of its state, which is only compared here, never followed.
/// Null for none.
pub(crate) type Owner = *const ();

/// The `owner` of chunks whose owner has detached ([roots.chunk-owner]): not the address of a
/// mutator, and not null, which stands for no mutator.
pub(super) const DETACHED: *mut () = ptr::without_provenance_mut(1);

/// The bytes of a chunk, on a multiple of which it lies.
pub(super) const CHUNK: usize = PAGE;
pub(super) const SLOTS: usize = (CHUNK - size_of::<ChunkHead>()) / size_of::<RootSlot>();
/// A chunk with no more slots in use than this is filled again.
pub(super) const FULL: u32 = (SLOTS - SLOTS / 4) as u32;
/// The place of a chunk that is not on a list.
pub(super) const NOWHERE: u32 = u32::MAX;

/// One root.
#[repr(C)]
pub(crate) struct RootSlot {
    /// The value, the pointer to it, or the next free slot.
    pub(super) value: UnsafeCell<*mut u8>,
    pub(super) word: RootWord<TypeInfo>,
}

impl RootSlot {
    /// Returns the address of a boxed value. An inline value need not be a pointer, nor one word of
    /// initialised bytes.
    ///
    /// # Safety
    ///
    /// The slot holds such an address, and no thread writes it.
    pub(super) unsafe fn boxed(&self) -> NonNull<u8> {
        // SAFETY: the caller's: the slot holds a pointer, and no thread writes it.
        NonNull::new(unsafe { *self.value.get() }).expect("a boxed root has memory")
    }

    /// Returns the address of the value.
    ///
    /// # Safety
    ///
    /// The slot holds a value that is kept like that, and no thread writes it.
    unsafe fn place(&self, kept: Kept) -> *mut u8 {
        match kept {
            Kept::Inline => self.value.get().cast(),
            // SAFETY: the caller's: the value is boxed, and no thread writes the slot.
            Kept::Boxed => unsafe { self.boxed() }.as_ptr(),
        }
    }
}

/// What a chunk begins with. Each group lies on a cache line of its own: the second one is written
/// by other threads, the third one by the owner with each drop.
#[repr(C, align(64))]
pub(super) struct ChunkHead {
    /// [roots.chunk-owner].
    pub(super) owner: AtomicPtr<()>,
    /// The heap's identity, what keeps it alive, and its `RootSpace`. All are valid while the heap
    /// lives.
    pub(super) heap: *const (),
    pub(super) handle: *const dyn HeapHandle,
    pub(super) space: NonNull<()>,
    pub(super) question: Question,
    pub(super) drops: Drops,
    pub(super) own: Own,
}

/// What threads write that drop roots elsewhere.
#[repr(align(64))]
pub(super) struct Drops {
    pub(super) word: ChunkWord,
    /// The next chunk on the heap's list of those with drops.
    next: AtomicPtr<Chunk>,
}

/// What belongs to the owner ([roots.owner]).
#[repr(align(64))]
pub(super) struct Own {
    pub(super) free: Cell<*mut RootSlot>,
    /// [roots.countdown].
    until: Cell<u32>,
    floor: Cell<u32>,
    /// The owner's `RootTable`, or null.
    pub(super) table: Cell<*const ()>,
    /// The index of the chunk among those of its owner, and among those that are to be filled
    /// again.
    pub(super) owned_place: Cell<u32>,
    pub(super) available_place: Cell<u32>,
}

#[repr(C)]
pub(super) struct Chunk {
    pub(super) head: ChunkHead,
    slots: [RootSlot; SLOTS],
}

const _: () = assert!(size_of::<ChunkHead>() == 192 && size_of::<Chunk>() == CHUNK);

impl Noted for Chunk {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.head.drops.next
    }
}

/// What a pause has seen in a chunk.
pub(super) struct Scanned {
    /// Slots that are not free.
    pub(super) used: u32,
    /// Whether a value has a slot or cell, which may be written through a shared reference.
    pub(super) has_cells: bool,
}

/// A chunk that exists: it is on a list, or a live root of the caller lies in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkRef(pub(super) NonNull<Chunk>);

// SAFETY: [roots.owner] says which thread may touch what is not atomic.
unsafe impl Send for ChunkRef {}

impl ChunkRef {
    /// Makes a page a chunk for a running mutator.
    ///
    /// # Safety
    ///
    /// Nothing else uses the page.
    pub(super) unsafe fn new(
        page: NonNull<u8>,
        space: NonNull<()>,
        handle: &Arc<dyn HeapHandle>,
        heap: *const (),
    ) -> Self {
        let chunk = page.cast::<Chunk>();
        let head = ChunkHead {
            owner: AtomicPtr::new(DETACHED),
            heap,
            handle: Arc::as_ptr(handle),
            space,
            question: Question::settled(),
            drops: Drops { word: ChunkWord::owned(), next: AtomicPtr::new(ptr::null_mut()) },
            own: Own {
                free: Cell::new(ptr::null_mut()),
                until: Cell::new(0),
                floor: Cell::new(0),
                table: Cell::new(ptr::null()),
                owned_place: Cell::new(NOWHERE),
                available_place: Cell::new(NOWHERE),
            },
        };
        // SAFETY: the caller's: a page, which is as large as a chunk.
        unsafe { (&raw mut (*chunk.as_ptr()).head).write(head) };
        let mut free = ptr::null_mut::<RootSlot>();
        for index in (0..SLOTS).rev() {
            // SAFETY: a slot of the fresh chunk.
            let slot = unsafe { &raw mut (*chunk.as_ptr()).slots[index] };
            // SAFETY: as above.
            unsafe { slot.write(RootSlot { value: UnsafeCell::new(free.cast()), word: RootWord::free_one() }) };
            free = slot;
        }
        let chunk = Self(chunk);
        chunk.head().own.free.set(free);
        chunk
    }

    pub(super) fn head(&self) -> &ChunkHead {
        // SAFETY: the chunk exists.
        unsafe { &self.0.as_ref().head }
    }

    pub(super) fn slot(&self, index: u16) -> &RootSlot {
        // SAFETY: the chunk exists.
        unsafe { &self.0.as_ref().slots[usize::from(index)] }
    }

    fn slots(&self) -> &[RootSlot; SLOTS] {
        // SAFETY: the chunk exists.
        unsafe { &self.0.as_ref().slots }
    }

    /// Calls `visit` with every root, and makes every free slot part of the free list: also those
    /// that the owner's table had taken. The caller leads a pause.
    pub(super) fn scan(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8)) -> Scanned {
        let mut scanned = Scanned { used: SLOTS as u32, has_cells: false };
        let mut free = ptr::null_mut::<RootSlot>();
        for slot in self.slots().iter().rev() {
            match slot.word.look() {
                Rooted::Free => {
                    // SAFETY: [roots.owner]: a free slot, in a pause.
                    unsafe { *slot.value.get() = free.cast() };
                    free = ptr::from_ref(slot).cast_mut();
                    scanned.used -= 1;
                }
                Rooted::Live(info, kept) => {
                    scanned.has_cells |= info.shape.cells;
                    // SAFETY: a live root's slot; the owner does not run ([roots.owner]).
                    visit(info, unsafe { slot.place(kept) });
                }
                Rooted::Dropped(..) => {}
            }
        }
        self.head().own.free.set(free);
        scanned
    }

    /// Calls `visit` with every root and changes nothing. The caller leads a pause.
    pub(super) fn look(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8)) {
        self.look_at_slots(|_, info, value| visit(info, value));
    }

    /// Does the same, and passes the address of each slot, too.
    pub(super) fn look_at_slots(&self, mut visit: impl FnMut(usize, &'static TypeInfo, *mut u8)) {
        for slot in self.slots() {
            if let Rooted::Live(info, kept) = slot.word.look() {
                // SAFETY: as in `scan`.
                visit(ptr::from_ref(slot).addr(), info, unsafe { slot.place(kept) });
            }
        }
    }

    /// Calls `visit` with the type of every root. The chunk is on a list under a lock that the
    /// caller has; roots may be dropped meanwhile.
    pub(super) fn each_type(&self, mut visit: impl FnMut(&'static TypeInfo)) {
        for slot in self.slots() {
            if let Rooted::Live(info, _) = slot.word.look() {
                visit(info);
            }
        }
    }

    /// Puts the slots of a stack that was taken, from `top` on, into the free list. Passes boxed
    /// values to `dropped`. Returns the number of slots. The caller is the one that took the stack.
    fn link_stack(&self, mut top: Option<u16>, mut dropped: impl FnMut(BoxedValue)) -> u32 {
        let mut count = 0;
        while let Some(index) = top {
            let slot = self.slot(index);
            let Rooted::Dropped(kept, below) = slot.word.look() else {
                unreachable!("gc-core: a slot on the stack that was not dropped")
            };
            if kept == Kept::Boxed {
                // SAFETY: the slot of a boxed root that was dropped: no thread writes it, and its value was not freed.
                dropped(unsafe { BoxedValue::at(slot.boxed()) });
            }
            self.head().link(slot);
            (top, count) = (below, count + 1);
        }
        count
    }

    /// Puts the slots that were dropped elsewhere into the free list. The caller is the one taker
    /// ([chunk-word.one-taker]).
    pub(super) fn relink(&self, dropped: impl FnMut(BoxedValue)) {
        let linked = self.link_stack(self.head().drops.word.take(), dropped);
        self.head().count(self.head().used() - linked);
    }

    /// Does the same for a chunk that was taken from the heap's list.
    pub(super) fn relink_noted(&self, dropped: impl FnMut(BoxedValue)) {
        let linked = self.link_stack(self.head().drops.word.take_noted(), dropped);
        self.head().count(self.head().used() - linked);
    }
}

impl ChunkHead {
    /// Returns how many slots are not in the free list ([roots.countdown]).
    pub(super) fn used(&self) -> u32 {
        self.own.until.get() + self.own.floor.get()
    }

    /// Sets how many slots are not in the free list. Where that are few, the caller sees to it that
    /// the chunk is filled again, or is being filled.
    pub(super) fn count(&self, used: u32) {
        let floor = if used > FULL && self.own.available_place.get() == NOWHERE { FULL } else { 0 };
        self.own.floor.set(floor);
        self.own.until.set(used - floor);
    }

    /// Counts every slot as used: the table has taken the free list, and fills the chunk.
    pub(super) fn count_all(&self) {
        self.own.floor.set(0);
        self.own.until.set(SLOTS as u32);
    }

    /// Puts a slot whose root was dropped into the free list.
    #[inline(always)]
    pub(super) fn link(&self, slot: &RootSlot) {
        // SAFETY: [roots.owner], and the slot's root was dropped.
        unsafe { *slot.value.get() = self.own.free.get().cast() };
        slot.word.free();
        self.own.free.set(ptr::from_ref(slot).cast_mut());
    }

    /// Counts a slot that its running owner has linked. Returns whether the countdown has ended.
    #[inline(always)]
    pub(super) fn count_down(&self) -> bool {
        let left = self.own.until.get() - 1;
        self.own.until.set(left);
        left == 0
    }

    /// Returns whether the countdown has ended because there are enough free slots, and counts on
    /// to none in use.
    pub(super) fn has_reached_floor(&self) -> bool {
        let floor = self.own.floor.replace(0);
        self.own.until.set(self.own.until.get() + floor);
        floor > 0
    }
}

/// A list of chunks, each of which knows its place on it.
pub(super) struct ChunkList {
    pub(super) chunks: Vec<ChunkRef>,
    place: fn(&ChunkHead) -> &Cell<u32>,
}

impl ChunkList {
    /// The chunks of an owner.
    pub(super) fn owned() -> Self {
        Self { chunks: Vec::new(), place: |head| &head.own.owned_place }
    }

    /// The chunks of an owner that are to be filled again.
    pub(super) fn available() -> Self {
        Self { chunks: Vec::new(), place: |head| &head.own.available_place }
    }

    pub(super) fn push(&mut self, chunk: ChunkRef) {
        (self.place)(chunk.head()).set(self.chunks.len() as u32);
        self.chunks.push(chunk);
    }

    pub(super) fn pop(&mut self) -> Option<ChunkRef> {
        let chunk = self.chunks.pop()?;
        (self.place)(chunk.head()).set(NOWHERE);
        Some(chunk)
    }

    /// Removes a chunk, if it is on the list. Takes constant time.
    pub(super) fn remove(&mut self, chunk: ChunkRef) {
        let place = (self.place)(chunk.head()).replace(NOWHERE);
        if place == NOWHERE {
            return;
        }
        self.chunks.swap_remove(place as usize);
        if let Some(moved) = self.chunks.get(place as usize) {
            (self.place)(moved.head()).set(place);
        }
        if self.chunks.capacity() > 4 * self.chunks.len() + 64 {
            self.chunks.shrink_to(2 * self.chunks.len());
        }
    }
}
