//! The table of one mutator: the chunks of root slots that it owns, and how it fills them.
//!
//! Roots are filed into one chunk at a time, from its free list, which the table takes for that. So
//! what was filed since the last pause is in the few chunks that were filled since then, and to
//! file a root says nothing of it. When the free list is used up, the next chunk is one of these,
//! in this order: the same one, one whose roots were dropped elsewhere, one whose roots were
//! dropped here, one that a mutator has left, a new one. Each has a quarter of its slots free at
//! least, so that this is rare.
//!
//! While it is tracked where roots are made, the fast path finds no free slot
//! ([places.overwritten]): the free list is *hidden*, and each root is filed by the slow path,
//! which notes the place.
//!
//! - **[table.owner]** The table belongs to the running owner, in a pause to the leader.
//! - **[table.current]** The chunk whose free list the table has is in question as WRITTEN. Each
//!   pause takes the free list back.

use core::{
    cell::{Cell, RefCell},
    panic::Location,
    ptr,
    ptr::NonNull,
};

use crate::{
    object::TypeInfo,
    sync::{Arc, atomic::Ordering},
};

use super::{
    boxed::BoxedValue,
    chunk::{ChunkList, ChunkRef, DETACHED, FULL, HeapHandle, NOWHERE, Owner, RootSlot, SLOTS},
    frames::Frames,
    root_word::Kept,
    space::{EmptyChunks, RootSpace},
};

/// The roots that are filed with one mutator.
pub(crate) struct RootTable {
    /// The free slots of `current` when it was chosen.
    free: Cell<*mut RootSlot>,
    /// Those of them that the fast path does not find. One of the two lists is empty.
    hidden: Cell<*mut RootSlot>,
    current: Cell<Option<ChunkRef>>,
    lists: RefCell<Lists>,
    pub(crate) frames: Frames,
    /// Bytes of boxed values that the mutator has made since the last pause, less those that it
    /// dropped.
    boxed_bytes: Cell<isize>,
    /// The heap's identity, and what keeps it alive.
    heap: *const (),
    handle: Arc<dyn HeapHandle>,
    space: Arc<RootSpace>,
}

/// What the table lists.
pub(super) struct Lists {
    pub(super) owned: ChunkList,
    /// Those of the chunks that are to be filled again.
    pub(super) available: ChunkList,
    /// Chunks that the mutator has put in question since the last pause, its own and others.
    pub(super) in_question: Vec<ChunkRef>,
    /// Boxed values that were dropped elsewhere, for the next pause.
    pub(super) dropped: Vec<BoxedValue>,
    /// Which chunk is asked next for slots that were dropped elsewhere.
    next: usize,
}

/// How many chunks are asked for slots that were dropped elsewhere, when another chunk is needed.
const ASKED: usize = 2;

impl RootTable {
    /// Returns a table for a mutator about to attach.
    pub(crate) fn new(handle: Arc<dyn HeapHandle>, heap: *const (), space: Arc<RootSpace>) -> Self {
        let lists = Lists {
            owned: ChunkList::owned(),
            available: ChunkList::available(),
            in_question: Vec::new(),
            dropped: Vec::new(),
            next: 0,
        };
        Self {
            free: Cell::new(ptr::null_mut()),
            hidden: Cell::new(ptr::null_mut()),
            current: Cell::new(None),
            lists: RefCell::new(lists),
            frames: Frames::new(),
            boxed_bytes: Cell::new(0),
            heap,
            handle,
            space,
        }
    }

    /// Files a value of up to a word, which `write` writes.
    ///
    /// The caller is the running owner, and the table stays where it is.
    #[inline(always)]
    #[track_caller]
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

    /// Files a value in separate memory, which `write` writes. The caller is as above.
    #[track_caller]
    pub(crate) fn boxed(
        &self,
        owner: Owner,
        info: &'static TypeInfo,
        write: impl FnOnce(*mut u8),
    ) -> NonNull<RootSlot> {
        let value = BoxedValue::allocate(info);
        write(value.as_ptr());
        self.boxed_bytes.set(self.boxed_bytes.get() + BoxedValue::bytes(info) as isize);
        let slot = self.take(owner);
        // SAFETY: as in `inline`.
        let place = unsafe { slot.as_ref() };
        // SAFETY: as above.
        unsafe { *place.value.get() = value.as_ptr() };
        place.word.file(info, Kept::Boxed);
        slot
    }

    #[inline(always)]
    #[track_caller]
    fn take(&self, owner: Owner) -> NonNull<RootSlot> {
        let slot = match NonNull::new(self.free.get()) {
            Some(slot) => slot,
            None => self.refill(owner),
        };
        // SAFETY: [roots.owner]: the value of a free slot is the next free slot.
        self.free.set(unsafe { *slot.as_ref().value.get() }.cast());
        slot
    }

    /// Has the fast path find no free slot: the slow path looks whether places are noted.
    pub(crate) fn hide_free(&self) {
        if !self.free.get().is_null() {
            self.hidden.set(self.free.replace(ptr::null_mut()));
        }
    }

    /// Returns a free slot for the fast path, which has found none: a hidden one, or the first one
    /// of a chunk. If places are noted, it hides those behind it.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn refill(&self, owner: Owner) -> NonNull<RootSlot> {
        let slot = NonNull::new(self.hidden.replace(ptr::null_mut())).unwrap_or_else(|| self.next_chunk(owner));
        if self.space.places.is_on() {
            self.space.places.note(slot.addr().get(), Location::caller());
            // SAFETY: [roots.owner]: the value of a free slot is the next free slot.
            self.hidden.set(unsafe { slot.as_ref().value.get().replace(ptr::null_mut()) }.cast());
        }
        slot
    }

    /// Takes the free list of a chunk, and puts the chunk in question. Returns the first slot.
    fn next_chunk(&self, owner: Owner) -> NonNull<RootSlot> {
        let lists = &mut *self.lists.borrow_mut();
        let chunk = self.choose(lists, owner);
        let head = chunk.head();
        self.current.set(Some(chunk));
        if head.question.put() {
            lists.in_question.push(chunk);
            self.weigh();
        }
        head.count_all();
        NonNull::new(head.own.free.replace(ptr::null_mut())).expect("a chunk that is chosen has free slots")
    }

    /// Chooses the chunk that is filled next: one with free slots.
    fn choose(&self, lists: &mut Lists, owner: Owner) -> ChunkRef {
        let Lists { owned, available, dropped, next, .. } = lists;
        let mut drop_later = |value: BoxedValue| {
            self.count_taken(value.info);
            dropped.push(value);
        };
        if let Some(current) = self.current.take() {
            current.relink(&mut drop_later);
            if current.head().used() <= FULL {
                return current;
            }
        }
        for _ in 0..ASKED.min(owned.chunks.len()) {
            *next = (*next + 1) % owned.chunks.len();
            let chunk = owned.chunks[*next];
            if chunk.head().used() <= FULL + chunk.head().drops.word.pending() {
                chunk.relink(&mut drop_later);
                available.remove(chunk);
                return chunk;
            }
        }
        if let Some(chunk) = available.pop() {
            return chunk;
        }
        let chunk = self.space.adopt(&mut |value| dropped.push(value)).unwrap_or_else(|| {
            let space = NonNull::from(&*self.space).cast();
            // SAFETY: a page that was taken just now.
            unsafe { ChunkRef::new(self.space.take_page(), space, &self.handle, self.heap) }
        });
        // Relaxed: [roots.chunk-owner].
        chunk.head().owner.store(owner.cast_mut(), Ordering::Relaxed);
        chunk.head().own.table.set(ptr::from_ref(self).cast());
        owned.push(chunk);
        chunk
    }

    /// Attends to a chunk whose countdown has ended. The caller is the running owner, and has
    /// dropped a root in it: the last one, perhaps.
    #[cold]
    #[inline(never)]
    pub(super) fn attend(&self, chunk: ChunkRef) {
        let head = chunk.head();
        let is_current = self.current.get() == Some(chunk);
        let lists = &mut *self.lists.borrow_mut();
        if head.has_reached_floor() {
            if !is_current {
                lists.available.push(chunk);
            }
            return;
        }
        if is_current || lists.owned.chunks.len() == 1 || head.question.is_open() || !head.drops.word.is_quiet() {
            // The next pause looks at it, or it is filled again.
            return;
        }
        // SAFETY: [roots.freed]: without roots, not in question and not NOTED, and on no list when `free` is called.
        let freed = unsafe {
            self.space.try_free(chunk, || {
                lists.available.remove(chunk);
                lists.owned.remove(chunk);
            })
        };
        debug_assert!(freed || lists.available.chunks.contains(&chunk));
    }

    /// Puts a chunk in question, to whose roots the running mutator is about to write. It may be
    /// another's.
    #[cold]
    #[inline(never)]
    pub(super) fn put_in_question(&self, chunk: ChunkRef) {
        if chunk.head().question.put() {
            self.lists.borrow_mut().in_question.push(chunk);
            self.weigh();
        }
    }

    /// Counts a chunk that is in question now: a pause does not have to look at any number of
    /// roots.
    fn weigh(&self) {
        if self.space.weigh(None) {
            self.handle.collect_soon();
        }
    }

    /// Counts a boxed value that the running mutator has taken out of a root.
    pub(super) fn count_taken(&self, info: &TypeInfo) {
        self.boxed_bytes.set(self.boxed_bytes.get() - BoxedValue::bytes(info) as isize);
    }

    /// Returns the lists, for the leader of a pause.
    pub(super) fn lists(&self) -> &RefCell<Lists> {
        &self.lists
    }

    /// Takes the free list back. The caller leads a pause, and scans the chunk, which is in
    /// question ([table.current]).
    pub(super) fn end_filling(&self) {
        self.free.set(ptr::null_mut());
        self.hidden.set(ptr::null_mut());
        self.current.set(None);
    }

    /// Takes the bytes of boxed values, which the space counts from then on. The caller leads a
    /// pause, or the owner detaches.
    pub(super) fn take_boxed_bytes(&self) -> isize {
        self.boxed_bytes.replace(0)
    }

    /// Detaches the owner: its chunks go to the pool, where the next mutator finds them. Passes
    /// boxed values that were dropped elsewhere to `dropped`. Returns the chunks without roots. The
    /// caller is the owner, or no thread runs any mutator of the heap any more.
    pub(crate) fn orphan(&self, mut dropped: impl FnMut(BoxedValue)) -> EmptyChunks {
        let mut empty = EmptyChunks::new(self.space.clone());
        let lists = &mut *self.lists.borrow_mut();
        lists.dropped.drain(..).for_each(&mut dropped);
        self.space.count_boxed(self.take_boxed_bytes());
        self.give_back();
        if lists.owned.chunks.is_empty() && lists.in_question.is_empty() {
            return empty;
        }
        let mut pool = self.space.pool();
        pool.in_question.append(&mut lists.in_question);
        for chunk in lists.owned.chunks.drain(..) {
            let head = chunk.head();
            head.own.available_place.set(NOWHERE);
            chunk.relink(|value| {
                self.space.count_boxed(-(BoxedValue::bytes(value.info) as isize));
                dropped(value);
            });
            if head.used() == 0 && !head.question.is_open() && head.drops.word.is_quiet() {
                // SAFETY: [roots.freed].
                unsafe { empty.push(chunk) };
                continue;
            }
            // Relaxed: the thread that finds its own mutator here is that mutator's thread, which is this one
            // ([roots.chunk-owner]).
            head.owner.store(DETACHED, Ordering::Relaxed);
            head.own.table.set(ptr::null());
            // SAFETY: made by `Arc::as_ptr` of this table's handle, which is a reference, too.
            unsafe { Arc::increment_strong_count(head.handle) };
            if head.drops.word.orphan(head.used()) {
                // SAFETY: the reference of just now. The chunk has no root, so no other thread gives it up.
                unsafe { Arc::decrement_strong_count(head.handle) };
            }
            pool.enter(chunk);
        }
        lists.available.chunks.clear();
        empty
    }

    /// Gives the free list that the table has back to its chunk.
    fn give_back(&self) {
        let Some(current) = self.current.take() else { return };
        let head = current.head();
        self.hide_free();
        let mut next = self.hidden.replace(ptr::null_mut());
        let mut count = 0;
        while let Some(slot) = NonNull::new(next) {
            // SAFETY: [roots.owner]: a free slot of the chunk that the table fills.
            let slot = unsafe { slot.as_ref() };
            // SAFETY: as above: its value is the next free slot.
            next = unsafe { *slot.value.get() }.cast();
            head.link(slot);
            count += 1;
        }
        head.count(head.used() - count);
    }
}

const _: () = assert!(SLOTS < u8::MAX as usize);
