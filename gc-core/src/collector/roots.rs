//! Root tables: the values that programs keep across safepoints.
//!
//! Each mutator has a table of chunks of slots. A slot holds a value of up to one word in place, anything larger by a
//! pointer to memory of its own. Slots never move while they are in use.
//!
//! - **T1** `free`, `chunks` and `relinked` belong to the owner while it runs, to the leader of a pause while it does not.
//! - **T2** A chunk's `owner` is the mutator that the table was made for until that detaches, then [`DETACHED`], which is
//!   nobody's. So who finds its own current mutator there is the running owner.
//! - **T3** Whoever makes `live` zero (see `live_count`) lets go of the heap: roots keep their heap alive. The owner
//!   counts its roots only when it detaches, by its slots, so that creating and dropping one counts nothing.
//! - **T4** The memory of a boxed value is freed by the running owner, or after a scan has unlinked its slot, or after it was taken out
//!   with the registry locked, which a leader holds: never while a pause may be tracing it.

use core::{
    alloc::Layout,
    any::Any,
    cell::{Cell, RefCell, UnsafeCell},
    ptr,
    ptr::NonNull,
};
use std::alloc;

use crate::{
    memory::TypeInfo,
    sync::{
        Arc, Mutex,
        atomic::{AtomicPtr, Ordering},
    },
};

use super::{
    handle::Handle,
    live_count::{LiveCount, Subtracted},
    local::Local,
    nested_roots,
    root_word::{Kept, RootWord, Rooted},
    shared::Shared,
};

/// One root.
#[repr(C)]
pub(crate) struct RootSlot {
    /// The value, the pointer to it, or the next free slot.
    value: UnsafeCell<*mut u8>,
    word: RootWord<TypeInfo>,
}

impl RootSlot {
    /// The pointer to a value in memory of its own. An inline value is no pointer, and need not be one word of initialised
    /// bytes.
    ///
    /// # Safety
    ///
    /// The slot holds such a pointer, and nobody writes it.
    unsafe fn boxed(&self) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe { *self.value.get() }
    }

    /// The place of the value.
    ///
    /// # Safety
    ///
    /// The slot holds a value that is kept so, and nobody writes it.
    unsafe fn place(&self, kept: Kept) -> *mut u8 {
        match kept {
            Kept::Inline => self.value.get().cast(),
            // SAFETY: the caller's.
            Kept::Boxed => unsafe { self.boxed() },
        }
    }
}

const SLOTS: usize = (CHUNK - size_of::<ChunkHead>()) / size_of::<RootSlot>();
const CHUNK: usize = 4096;
/// The owner of chunks whose owner has detached (T2): no mutator is there, and it is not null, as no mutator's is.
const DETACHED: *mut Local = ptr::without_provenance_mut(1);
#[repr(C)]
struct ChunkHead {
    table: NonNull<RootTable>,
    /// T2.
    owner: AtomicPtr<Local>,
    /// The heap's identity.
    heap: *const (),
}

#[repr(C, align(4096))]
struct Chunk {
    head: ChunkHead,
    slots: [RootSlot; SLOTS],
}

/// The roots filed with one mutator.
pub(crate) struct RootTable {
    chunks: RefCell<Vec<NonNull<Chunk>>>,
    free: Cell<*mut RootSlot>,
    /// Slots that a scan has linked: roots that were created by the owner and dropped elsewhere.
    relinked: Cell<isize>,
    live: LiveCount,
    /// What keeps the heap alive: taken by whoever drops the last root.
    heap: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    identity: *const (),
}

// SAFETY: T1 says who may touch the cells when; the rest is atomic.
unsafe impl Send for RootTable {}
// SAFETY: as above.
unsafe impl Sync for RootTable {}

/// A value in memory of its own whose root was dropped.
#[derive(Clone, Copy)]
pub(crate) struct BoxedValue {
    pub(crate) value: NonNull<u8>,
    pub(crate) info: &'static TypeInfo,
}

impl BoxedValue {
    /// The memory of a boxed value of type `info`.
    pub(crate) fn layout(info: &TypeInfo) -> Layout {
        let align = usize::from(info.shape.align).max(8);
        Layout::from_size_align(info.shape.extent as usize, align).expect("the layout of a type that exists")
    }

    /// Frees the memory.
    ///
    /// # Safety
    ///
    /// The value was dropped, and nobody else frees it.
    pub(crate) unsafe fn free(self) {
        // SAFETY: allocated with this layout in `RootTable::boxed`.
        unsafe { alloc::dealloc(self.value.as_ptr(), Self::layout(self.info)) }
    }
}

impl RootTable {
    /// A table of a mutator about to attach. `heap` keeps the heap alive for as long as there are roots.
    pub(crate) fn new(heap: Arc<dyn Any + Send + Sync>, identity: *const ()) -> Self {
        Self {
            chunks: RefCell::default(),
            free: Cell::new(ptr::null_mut()),
            relinked: Cell::new(0),
            live: LiveCount::attached(),
            heap: Mutex::new(Some(heap)),
            identity,
        }
    }

    /// Files a value of up to a word, which `write` writes.
    ///
    /// The caller is the running owner.
    #[inline(always)]
    pub(crate) fn inline(
        &self,
        owner: *const Local,
        info: &'static TypeInfo,
        write: impl FnOnce(*mut u8),
    ) -> NonNull<RootSlot> {
        let slot = self.take(owner);
        // SAFETY: a slot of ours that is in use by nobody (T1).
        let place = unsafe { slot.as_ref() };
        write(place.value.get().cast());
        place.word.file(info, Kept::Inline);
        slot
    }

    /// Files a value in memory of its own, which `write` writes. The caller is the running owner.
    pub(crate) fn boxed(
        &self,
        owner: *const Local,
        info: &'static TypeInfo,
        write: impl FnOnce(*mut u8),
    ) -> NonNull<RootSlot> {
        let layout = BoxedValue::layout(info);
        // SAFETY: `extent` is at least 16, never 0.
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
    fn take(&self, owner: *const Local) -> NonNull<RootSlot> {
        let slot = match NonNull::new(self.free.get()) {
            Some(slot) => slot,
            None => self.grow(owner),
        };
        // SAFETY: T1: a free slot's value is the next one.
        self.free.set(unsafe { *slot.as_ref().value.get() }.cast());
        slot
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, owner: *const Local) -> NonNull<RootSlot> {
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

    /// Calls `visit` with every root, and links the slots that were dropped elsewhere, boxed values to `dropped`.
    ///
    /// The caller leads a pause, or has the registry locked while nobody is attached, or is the last user of the heap.
    pub(crate) fn scan(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8), mut dropped: impl FnMut(BoxedValue)) {
        for chunk in self.chunks.borrow().iter() {
            // SAFETY: chunks live as long as their table.
            for slot in unsafe { &(*chunk.as_ptr()).slots } {
                let (info, kept) = match slot.word.look() {
                    Rooted::Free => continue,
                    Rooted::Live(info, kept) => {
                        // SAFETY: a live root's slot; the owner does not run (T1).
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
        // SAFETY: T1, and the slot's root is gone.
        unsafe { *slot.value.get() = self.free.get().cast() };
        slot.word.free();
        self.free.set(ptr::from_ref(slot).cast_mut());
    }

    /// The owner detaches. From here on every drop is one from elsewhere. Returns what keeps the heap alive if no root is left.
    pub(crate) fn orphan(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        let mut in_use = 0;
        for chunk in self.chunks.borrow().iter() {
            // SAFETY: chunks live as long as their table.
            let chunk = unsafe { chunk.as_ref() };
            // Relaxed: who compares it with its own mutator is that mutator's thread, this one (T2).
            chunk.head.owner.store(DETACHED, Ordering::Relaxed);
            in_use += chunk.slots.iter().filter(|slot| !slot.word.is_free()).count() as isize;
        }
        // Slots in use are roots that the owner created and did not drop, those dropped elsewhere included.
        self.last(self.live.orphan(in_use + self.relinked.get()))
    }

    /// T3. Returns what keeps the heap alive if there are no roots any more.
    fn last(&self, subtracted: Subtracted) -> Option<Arc<dyn Any + Send + Sync>> {
        if subtracted == Subtracted::Some {
            return None;
        }
        let heap = self.heap.lock().take();
        self.live.release();
        heap
    }

    /// Whether the table is empty for good and can be freed.
    pub(crate) fn is_released(&self) -> bool {
        self.live.is_released()
    }
}

impl Drop for RootTable {
    fn drop(&mut self) {
        for chunk in self.chunks.get_mut() {
            // SAFETY: allocated in `grow` with this layout; nobody has roots in it any more.
            unsafe { alloc::dealloc(chunk.as_ptr().cast(), Layout::new::<Chunk>()) };
        }
    }
}

/// A filed root, from any thread.
#[derive(Clone, Copy)]
pub(crate) struct RootRef(NonNull<RootSlot>);

impl RootRef {
    pub(crate) fn new(slot: NonNull<RootSlot>) -> Self {
        Self(slot)
    }

    #[inline(always)]
    fn head(self) -> &'static ChunkHead {
        let chunk = self.0.as_ptr().map_addr(|a| a & !(CHUNK - 1)).cast::<ChunkHead>();
        // SAFETY: slots lie in chunks, which are aligned to their size, start with their head and live as long as a root
        // in them does; the reference does not outlive the caller's expression.
        unsafe { &*chunk }
    }

    /// The identity of the heap.
    #[inline(always)]
    pub(crate) fn heap(self) -> *const () {
        self.head().heap
    }

    /// The place of a value filed by [`RootTable::inline`].
    #[inline(always)]
    pub(crate) fn inline_value(self) -> *mut u8 {
        // SAFETY: the slot is in use, so it is there.
        unsafe { self.0.as_ref() }.value.get().cast()
    }

    /// The place of a value filed by [`RootTable::boxed`].
    #[inline(always)]
    pub(crate) fn boxed_value(self) -> *mut u8 {
        // SAFETY: the slot is in use, and its value is written once, before anybody else sees it.
        unsafe { *self.0.as_ref().value.get() }
    }

    /// Drops a root filed by [`RootTable::inline`], on the thread whose running mutator is `current` (null for none).
    #[inline(always)]
    pub(crate) fn release_inline(self, current: *const Local) {
        match self.owned(current) {
            Some(table) => table.link(self.slot()),
            None => self.release_elsewhere(),
        }
    }

    /// Drops a root filed by [`RootTable::boxed`], as above. Returns the value if the caller drops and frees it now.
    #[must_use]
    pub(crate) fn release_boxed(self, current: *const Local) -> Option<BoxedValue> {
        let Some(table) = self.owned(current) else {
            if !nested_roots::put_aside(self) {
                self.release_boxed_elsewhere();
            }
            return None;
        };
        let slot = self.slot();
        let Rooted::Live(info, _) = slot.word.look() else { unreachable!("gc-core: a root that was dropped before") };
        // SAFETY: the slot of a boxed root.
        let value = unsafe { slot.boxed() };
        table.link(slot);
        NonNull::new(value).map(|value| BoxedValue { value, info })
    }

    /// The table, if this thread is its running owner (T1, T2).
    #[inline(always)]
    fn owned(self, current: *const Local) -> Option<&'static RootTable> {
        let head = self.head();
        // Relaxed: T2.
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

    /// Takes the value of a root out that was filed by [`RootTable::boxed`] and put aside, and leaves the slot to the next scan. The caller
    /// has the registry locked, so no pause is tracing the value (T4). Returns what keeps the heap alive, too, if that was its last root.
    pub(crate) fn take_boxed(self) -> (BoxedValue, Option<Arc<dyn Any + Send + Sync>>) {
        let slot = self.slot();
        let Rooted::Live(info, _) = slot.word.look() else { unreachable!("gc-core: a root that was dropped before") };
        // SAFETY: the slot of a boxed root.
        let value = NonNull::new(unsafe { slot.boxed() }).expect("a boxed root has memory");
        slot.word.take_elsewhere();
        // SAFETY: as in `release_elsewhere`.
        let table = unsafe { self.head().table.as_ref() };
        (BoxedValue { value, info }, table.last(table.live.drop_one()))
    }

    #[cold]
    #[inline(never)]
    fn release_elsewhere(self) {
        let table = self.head().table;
        self.slot().word.drop_elsewhere();
        // The slot is not ours any more; the table is there until `live` is zero.
        // SAFETY: as said.
        let table = unsafe { table.as_ref() };
        let heap = table.last(table.live.drop_one());
        drop(heap);
    }

    /// [`release_elsewhere`](Self::release_elsewhere), of a root filed by [`RootTable::boxed`]. Where no thread is attached there may be no
    /// other pause, and what is in the value may be what keeps the heap: it is taken out now.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_boxed_elsewhere(self) {
        let table = self.head().table;
        // SAFETY: the heap's state, which roots keep (T3), and this one counts until `drop_one`.
        let shared = unsafe { &*self.heap().cast::<Shared>() };
        // SAFETY: as in `release_elsewhere`.
        let table = unsafe { table.as_ref() };
        let handle = || table.heap.lock().clone().and_then(|heap| heap.downcast::<Handle>().ok());
        if shared.is_unattended() && handle().is_some_and(|handle| handle.take_root(self)) {
            return;
        }
        self.slot().word.drop_elsewhere();
        let handle = if shared.is_unattended_after_drop() { handle() } else { None };
        drop(table.last(table.live.drop_one()));
        if let Some(handle) = handle {
            handle.unlink_roots();
        }
    }
}
