//! Root tables: the values that programs keep across safepoints.
//!
//! Each mutator has a table of chunks of slots. A slot holds a value of up to one word inline. A larger value is boxed: the slot
//! holds a pointer to separate memory. Slots never move while they are in use.
//!
//! - **[roots.owner]** `free`, `chunks` and `relinked` belong to the owner while it runs, to the leader of a pause while it does
//!   not. `place` belongs to the thread that holds the registry lock.
//! - **[roots.chunk-owner]** A chunk's `owner` is the mutator that the table was made for, until that mutator detaches. From then
//!   on it is [`DETACHED`], which is no mutator. So a thread that finds its own current mutator there is the running owner.
//! - **[roots.keep-heap]** Roots keep their heap alive: the thread that makes `live` zero (see `live_count`) releases the heap.
//!   The owner counts its roots only when it detaches, by its slots, so that creating and dropping a root counts nothing.
//! - **[roots.boxed-freed]** The memory of a boxed value is freed by the running owner, or after a scan has unlinked its slot, or
//!   after the value was taken out under the registry lock, which the leader of a pause holds. So it is never freed while a pause
//!   may be tracing it.

use core::{
    alloc::Layout,
    cell::{Cell, RefCell, UnsafeCell},
    ptr,
    ptr::NonNull,
};
use std::alloc;

use crate::{
    object::TypeInfo,
    sync::{
        Arc, Mutex,
        atomic::{AtomicPtr, Ordering},
    },
};

use super::{
    live_count::{LiveCount, Subtracted},
    root_word::{Kept, RootWord, Rooted},
};

/// Keeps a heap alive while it exists.
pub(crate) trait HeapHandle: Send + Sync {
    /// Takes the value out of a boxed root that the caller drops, and has it dropped. The heap has no user any more. Returns whether it
    /// did: not in the child of a fork.
    fn take_root(&self, root: RootRef) -> bool;

    /// Has the values of all boxed roots dropped whose words say that they were dropped. The heap has no user any more.
    fn take_dropped_roots(&self);
}

/// Identifies a mutator: the address of its state, which is only compared here, never followed. Null for none.
pub(crate) type Owner = *const ();

/// One root.
#[repr(C)]
pub(crate) struct RootSlot {
    /// The value, the pointer to it, or the next free slot.
    value: UnsafeCell<*mut u8>,
    word: RootWord<TypeInfo>,
}

impl RootSlot {
    /// Returns the pointer to a boxed value. An inline value need not be a pointer, nor one word of initialised bytes.
    ///
    /// # Safety
    ///
    /// The slot holds such a pointer, and no thread writes it.
    unsafe fn boxed(&self) -> *mut u8 {
        // SAFETY: the caller's: the slot holds a pointer, and no thread writes it.
        unsafe { *self.value.get() }
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
            Kept::Boxed => unsafe { self.boxed() },
        }
    }
}

const SLOTS: usize = (CHUNK - size_of::<ChunkHead>()) / size_of::<RootSlot>();
const CHUNK: usize = 4096;
/// The `owner` of chunks whose owner has detached ([roots.chunk-owner]): not the address of a mutator, and not null, which stands
/// for no mutator.
const DETACHED: *mut () = ptr::without_provenance_mut(1);
#[repr(C)]
struct ChunkHead {
    table: NonNull<RootTable>,
    /// [roots.chunk-owner].
    owner: AtomicPtr<()>,
    /// The heap's identity.
    heap: *const (),
}

#[repr(C, align(4096))]
struct Chunk {
    head: ChunkHead,
    slots: [RootSlot; SLOTS],
}

/// The roots that are filed with one mutator.
#[repr(C)]
pub(crate) struct RootTable {
    free: Cell<*mut RootSlot>,
    chunks: RefCell<Vec<NonNull<Chunk>>>,
    /// Slots that a scan has linked into the free list: of roots that the owner created and that were dropped elsewhere.
    relinked: Cell<isize>,
    identity: *const (),
    /// Its index among the tables of the registry, under the registry lock.
    pub(crate) place: Cell<usize>,
    /// Other threads write what follows: it lies on another cache line. (`CachePadded` would align the table, and an allocation with
    /// such an alignment takes several times as long, at each attach.)
    _apart: [u64; 8],
    live: LiveCount,
    /// What keeps the heap alive. The thread that drops the last root takes it.
    heap: Mutex<Option<Arc<dyn HeapHandle>>>,
}

// SAFETY: [roots.owner] says which thread may touch the cells; the rest is atomic.
unsafe impl Send for RootTable {}
// SAFETY: as above.
unsafe impl Sync for RootTable {}

/// A boxed value whose root was dropped.
#[derive(Clone, Copy)]
pub(crate) struct BoxedValue {
    pub(crate) value: NonNull<u8>,
    pub(crate) info: &'static TypeInfo,
}

impl BoxedValue {
    /// Returns the layout of the memory of a boxed value of type `info`.
    pub(crate) fn layout(info: &TypeInfo) -> Layout {
        let align = usize::from(info.shape.align).max(8);
        Layout::from_size_align(info.shape.size_with_header as usize, align).expect("the layout of a type that exists")
    }

    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// The value was dropped, and no other code frees it.
    pub(crate) unsafe fn free(self) {
        // SAFETY: allocated with this layout in `RootTable::boxed`.
        unsafe { alloc::dealloc(self.value.as_ptr(), Self::layout(self.info)) }
    }
}

impl RootTable {
    /// Returns a table for a mutator about to attach. `heap` keeps the heap alive as long as there are roots.
    pub(crate) fn new(heap: Arc<dyn HeapHandle>, identity: *const ()) -> Self {
        Self {
            chunks: RefCell::default(),
            free: Cell::new(ptr::null_mut()),
            relinked: Cell::new(0),
            _apart: [0; 8],
            live: LiveCount::attached(),
            heap: Mutex::new(Some(heap)),
            identity,
            place: Cell::new(0),
        }
    }

    /// Files a value of up to a word, which `write` writes.
    ///
    /// The caller is the running owner.
    #[inline(always)]
    pub(crate) fn inline(
        &self,
        owner: Owner,
        info: &'static TypeInfo,
        write: impl FnOnce(*mut u8),
    ) -> NonNull<RootSlot> {
        let slot = self.take(owner);
        // SAFETY: a slot of this table that is not in use ([roots.owner]).
        let place = unsafe { slot.as_ref() };
        write(place.value.get().cast());
        place.word.file(info, Kept::Inline);
        slot
    }

    /// Files a value in separate memory, which `write` writes. The caller is the running owner.
    pub(crate) fn boxed(
        &self,
        owner: Owner,
        info: &'static TypeInfo,
        write: impl FnOnce(*mut u8),
    ) -> NonNull<RootSlot> {
        let layout = BoxedValue::layout(info);
        // SAFETY: `size_with_header` is at least 16, never 0.
        let value = unsafe { alloc::alloc(layout) };
        if value.is_null() {
            alloc::handle_alloc_error(layout);
        }
        write(value);
        let slot = self.take(owner);
        // SAFETY: as in `inline`.
        let place = unsafe { slot.as_ref() };
        // SAFETY: as in `inline`.
        unsafe { *place.value.get() = value };
        place.word.file(info, Kept::Boxed);
        slot
    }

    #[inline(always)]
    fn take(&self, owner: Owner) -> NonNull<RootSlot> {
        let slot = match NonNull::new(self.free.get()) {
            Some(slot) => slot,
            None => self.grow(owner),
        };
        // SAFETY: [roots.owner]: the value of a free slot is the next free slot.
        self.free.set(unsafe { *slot.as_ref().value.get() }.cast());
        slot
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, owner: Owner) -> NonNull<RootSlot> {
        let layout = Layout::new::<Chunk>();
        // SAFETY: not of size 0.
        let memory = unsafe { alloc::alloc(layout) };
        let Some(chunk) = NonNull::new(memory.cast::<Chunk>()) else { alloc::handle_alloc_error(layout) };
        let head =
            ChunkHead { table: NonNull::from(self), owner: AtomicPtr::new(owner.cast_mut()), heap: self.identity };
        // SAFETY: fresh memory of this layout.
        unsafe { (&raw mut (*chunk.as_ptr()).head).write(head) };
        for index in (0..SLOTS).rev() {
            // SAFETY: a slot of the fresh chunk.
            let slot = unsafe { &raw mut (*chunk.as_ptr()).slots[index] };
            let free = RootSlot { value: UnsafeCell::new(self.free.get().cast()), word: RootWord::free_one() };
            // SAFETY: as above.
            unsafe { slot.write(free) };
            self.free.set(slot);
        }
        self.chunks.borrow_mut().push(chunk);
        NonNull::new(self.free.get()).expect("a chunk has slots")
    }

    /// Calls `visit` with every root. Links the slots of roots that were dropped elsewhere into the free list, and passes boxed
    /// values to `dropped`. Returns the bytes of boxed values that live.
    ///
    /// The caller leads a pause; or it has the registry locked, and the heap has no user any more.
    pub(crate) fn scan(
        &self,
        mut visit: impl FnMut(&'static TypeInfo, *mut u8),
        mut dropped: impl FnMut(BoxedValue),
    ) -> usize {
        let mut boxed_bytes = 0;
        for chunk in self.chunks.borrow().iter() {
            // SAFETY: chunks live as long as their table.
            for slot in unsafe { &(*chunk.as_ptr()).slots } {
                let (info, kept) = match slot.word.look() {
                    Rooted::Free => continue,
                    Rooted::Live(info, kept) => {
                        if kept == Kept::Boxed {
                            boxed_bytes += BoxedValue::layout(info).size();
                        }
                        // SAFETY: a live root's slot; the owner does not run ([roots.owner]).
                        visit(info, unsafe { slot.place(kept) });
                        continue;
                    }
                    Rooted::Dropped(info, kept) => (info, kept),
                };
                if kept == Kept::Boxed {
                    // SAFETY: as above.
                    let value = NonNull::new(unsafe { slot.boxed() }).expect("a boxed root has memory");
                    dropped(BoxedValue { value, info });
                }
                self.link(slot);
                self.relinked.set(self.relinked.get() + 1);
            }
        }
        boxed_bytes
    }

    /// Returns the bytes of the table, without boxed values. The caller leads a pause.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.borrow().len() * CHUNK
    }

    /// Calls `visit` with every root and changes nothing. The caller leads a pause.
    pub(crate) fn look(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8)) {
        for chunk in self.chunks.borrow().iter() {
            // SAFETY: chunks live as long as their table.
            for slot in unsafe { &(*chunk.as_ptr()).slots } {
                if let Rooted::Live(info, kept) = slot.word.look() {
                    // SAFETY: as in `scan`.
                    visit(info, unsafe { slot.place(kept) });
                }
            }
        }
    }

    #[inline(always)]
    fn link(&self, slot: &RootSlot) {
        // SAFETY: [roots.owner], and the slot's root was dropped.
        unsafe { *slot.value.get() = self.free.get().cast() };
        slot.word.free();
        self.free.set(ptr::from_ref(slot).cast_mut());
    }

    /// Detaches the owner: from here on every drop is one from elsewhere. Returns what keeps the heap alive if no root is left.
    pub(crate) fn orphan(&self) -> Option<Arc<dyn HeapHandle>> {
        let mut in_use = 0;
        for chunk in self.chunks.borrow().iter() {
            // SAFETY: chunks live as long as their table.
            let chunk = unsafe { chunk.as_ref() };
            // Relaxed: the thread that finds its own mutator here is that mutator's thread, which is this one
            // ([roots.chunk-owner]).
            chunk.head.owner.store(DETACHED, Ordering::Relaxed);
            in_use += chunk.slots.iter().filter(|slot| !slot.word.is_free()).count() as isize;
        }
        // Slots in use belong to roots that the owner created and did not drop itself, including those dropped elsewhere.
        self.last(self.live.orphan(in_use + self.relinked.get()))
    }

    /// Returns what keeps the heap alive if there are no roots any more ([roots.keep-heap]).
    fn last(&self, subtracted: Subtracted) -> Option<Arc<dyn HeapHandle>> {
        if subtracted == Subtracted::Some {
            return None;
        }
        let heap = self.heap.lock().take();
        self.live.release();
        heap
    }

    /// Moves boxed values of roots that were dropped to `dropped`, and leaves those that are dropped from now on to the threads that drop
    /// them ([live-count.unattended]). The caller is the last user of the heap, with the registry locked.
    pub(crate) fn leave_unattended(&self, dropped: impl FnMut(BoxedValue)) {
        self.live.leave_unattended();
        self.scan(|_, _| (), dropped);
    }

    /// Passes the boxed values of a released table that were dropped since the last scan to `dropped`.
    pub(crate) fn take_dropped(&self, dropped: impl FnMut(BoxedValue)) {
        self.scan(|_, _| unreachable!("gc-core: a root in a released table"), dropped);
    }

    /// Returns whether the table is empty for good and can be freed.
    pub(crate) fn is_released(&self) -> bool {
        self.live.is_released()
    }
}

impl Drop for RootTable {
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut() {
            // SAFETY: allocated in `grow` with this layout; no root is in it any more.
            unsafe { alloc::dealloc(chunk.as_ptr().cast(), Layout::new::<Chunk>()) };
        }
    }
}

/// A filed root, for use from any thread.
#[derive(Clone, Copy)]
pub(crate) struct RootRef(NonNull<RootSlot>);

// SAFETY: as for `Root`: a root may be dropped on any thread ([roots.owner] to [roots.boxed-freed]).
unsafe impl Send for RootRef {}

impl RootRef {
    pub(crate) fn new(slot: NonNull<RootSlot>) -> Self {
        Self(slot)
    }

    #[inline(always)]
    fn head(self) -> &'static ChunkHead {
        let chunk = self.0.as_ptr().map_addr(|a| a & !(CHUNK - 1)).cast::<ChunkHead>();
        // SAFETY: slots lie in chunks, which are aligned to their size and start with their head. A chunk lives as long as a root
        // in it does; the reference does not outlive the caller's expression.
        unsafe { &*chunk }
    }

    /// Returns the identity of the heap.
    #[inline(always)]
    pub(crate) fn heap(self) -> *const () {
        self.head().heap
    }

    /// Returns the address of a value filed by [`RootTable::inline`].
    #[inline(always)]
    pub(crate) fn inline_value(self) -> *mut u8 {
        // SAFETY: the slot is in use, so its chunk exists.
        unsafe { self.0.as_ref() }.value.get().cast()
    }

    /// Returns the address of a value filed by [`RootTable::boxed`].
    #[inline(always)]
    pub(crate) fn boxed_value(self) -> *mut u8 {
        // SAFETY: the slot is in use, and its value was written once, before any other thread saw it.
        unsafe { *self.0.as_ref().value.get() }
    }

    /// Drops a root filed by [`RootTable::inline`], on the thread whose running mutator is `current` (null for none).
    #[inline(always)]
    pub(crate) fn release_inline(self, current: Owner) {
        match self.owned(current) {
            Some(table) => table.link(self.slot()),
            None => self.release_elsewhere(),
        }
    }

    /// Takes a root filed by [`RootTable::boxed`] out of its slot, as above. The caller drops the value and frees it. If this
    /// thread is not the running owner, it changes nothing and returns `None`. The caller then puts the root aside, or calls
    /// `release_boxed_elsewhere`.
    #[must_use]
    pub(crate) fn release_boxed(self, current: Owner) -> Option<BoxedValue> {
        let table = self.owned(current)?;
        let slot = self.slot();
        let Rooted::Live(info, _) = slot.word.look() else { unreachable!("gc-core: a root that was dropped before") };
        // SAFETY: the slot of a boxed root.
        let value = NonNull::new(unsafe { slot.boxed() }).expect("a boxed root has memory");
        table.link(slot);
        Some(BoxedValue { value, info })
    }

    /// Returns the table if this thread is its running owner ([roots.owner], [roots.chunk-owner]).
    #[inline(always)]
    fn owned(self, current: Owner) -> Option<&'static RootTable> {
        let head = self.head();
        // Relaxed: [roots.chunk-owner].
        if !ptr::eq(head.owner.load(Ordering::Relaxed), current) {
            return None;
        }
        // SAFETY: tables live as long as their chunks; the reference does not outlive the caller's expression.
        Some(unsafe { head.table.as_ref() })
    }

    #[inline(always)]
    fn slot(self) -> &'static RootSlot {
        // SAFETY: a live root's slot; as in `head`.
        unsafe { self.0.as_ref() }
    }

    /// Takes the value out of a root that was filed by [`RootTable::boxed`], and leaves the slot to the next scan.
    /// The caller has the registry locked, so no pause is tracing the value ([roots.boxed-freed]). Also returns what keeps the
    /// heap alive if that was the last root.
    pub(crate) fn take_boxed(self) -> (BoxedValue, Option<Arc<dyn HeapHandle>>) {
        let slot = self.slot();
        let Rooted::Live(info, _) = slot.word.look() else { unreachable!("gc-core: a root that was dropped before") };
        // SAFETY: the slot of a boxed root.
        let value = NonNull::new(unsafe { slot.boxed() }).expect("a boxed root has memory");
        slot.word.take_elsewhere();
        // SAFETY: as in `release_elsewhere`.
        let table = unsafe { self.head().table.as_ref() };
        (BoxedValue { value, info }, table.last(table.live.drop_one()))
    }

    /// Drops a root filed by [`RootTable::boxed`] for a caller that is not its running owner. The next pause finds the value. If none may
    /// come, because the heap has no user any more, the value may hold the roots that keep the heap alive: it is taken out now.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_boxed_elsewhere(self) {
        // SAFETY: the table exists until `live` is zero, and this root is still counted.
        let table = unsafe { self.head().table.as_ref() };
        let heap = || table.heap.lock().clone();
        if table.live.is_unattended() && heap().is_some_and(|heap| heap.take_root(self)) {
            return;
        }
        self.slot().word.drop_elsewhere();
        let unattended = if table.live.is_unattended_after_drop() { heap() } else { None };
        drop(table.last(table.live.drop_one()));
        if let Some(heap) = unattended {
            heap.take_dropped_roots();
        }
    }

    /// Drops a root filed by [`RootTable::inline`] for a caller that is not its running owner.
    #[cold]
    #[inline(never)]
    fn release_elsewhere(self) {
        let table = self.head().table;
        self.slot().word.drop_elsewhere();
        // The slot does not belong to this thread any more.
        // SAFETY: the table exists until `live` is zero, and this root is still counted.
        let table = unsafe { table.as_ref() };
        let heap = table.last(table.live.drop_one());
        drop(heap);
    }
}
