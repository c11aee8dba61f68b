//! The roots of a heap beside the tables of its mutators: what mutators have left, and what was
//! dropped elsewhere.
//!
//! - **[root-space.locks]** The lock of the pages is a leaf, and a thread that has the pool's takes
//!   no other than that.

use core::ptr::NonNull;
use std::collections::HashMap;

use crate::sync::{
    Arc, Mutex, MutexGuard, RawLock,
    atomic::{AtomicIsize, AtomicUsize, Ordering},
    raw,
};

use super::{
    attendance::Attendance,
    boxed::BoxedValue,
    chunk::{CHUNK, Chunk, ChunkList, ChunkRef, FULL, NOWHERE},
    noted::NotedList,
    pages::{self, Pages, Surplus},
    places::Places,
};

/// The roots of a heap that belong to no table.
pub(crate) struct RootSpace {
    pool: Mutex<Pool>,
    pages: Mutex<Pages>,
    /// Where the roots of all tables were made, while that is tracked.
    pub(crate) places: Places,
    /// Chunks with roots that were dropped elsewhere since the last pause.
    pub(super) noted: NotedList<Chunk>,
    /// Whether a pause may come that takes them.
    pub(super) attendance: Attendance,
    /// Bytes that may wait for a pause: chunks in question, chunks with drops, and boxed values
    /// that were dropped.
    waiting: AtomicUsize,
    /// Bytes of boxed values that no table counts.
    boxed_bytes: AtomicIsize,
    /// Chunks that were made, chunks of these that are gone, and slots that young pauses have
    /// looked at.
    made: AtomicUsize,
    gone: AtomicUsize,
    looked: AtomicUsize,
}

/// Chunks that mutators have left.
pub(super) struct Pool {
    pub(super) owned: ChunkList,
    /// Those of the chunks that a mutator may fill again.
    pub(super) available: ChunkList,
    /// Chunks in question that are on no mutator's list.
    pub(super) in_question: Vec<ChunkRef>,
}

/// So many bytes that wait for a pause are much: 250 000 roots that it looks at.
const MUCH: usize = 4 << 20;
/// What a boxed value counts for beside its own bytes: it may own memory.
const OWNS: usize = 4096;
/// So many chunks are freed at a time.
const BATCH: usize = 64;

impl RootSpace {
    pub(crate) fn new() -> Self {
        let pool = Pool { owned: ChunkList::owned(), available: ChunkList::available(), in_question: Vec::new() };
        Self {
            pool: Mutex::new(pool),
            pages: Mutex::default(),
            places: Places::new(),
            noted: NotedList::new(),
            attendance: Attendance::new(),
            waiting: AtomicUsize::new(0),
            boxed_bytes: AtomicIsize::new(0),
            made: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            looked: AtomicUsize::new(0),
        }
    }

    pub(crate) fn lock_words(&self) -> [&RawLock; 3] {
        [raw(&self.pool), raw(&self.pages), self.places.lock_word()]
    }

    pub(super) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock()
    }

    /// Returns a chunk that a mutator has left, with free slots, and OWNED. The caller makes it its
    /// own.
    pub(super) fn adopt(&self, dropped: &mut dyn FnMut(BoxedValue)) -> Option<ChunkRef> {
        let mut pool = self.pool.lock();
        let chunk = pool.available.pop()?;
        pool.owned.remove(chunk);
        // The pool's lock makes this thread the one taker.
        chunk.relink(|value| {
            self.count_boxed(-(BoxedValue::bytes(value.info) as isize));
            dropped(value);
        });
        drop(pool);
        let head = chunk.head();
        if !head.drops.word.adopt(head.used()) {
            // SAFETY: the reference of an orphaned chunk with roots ([roots.keep-heap]). It is not the last: the caller is attached.
            unsafe { Arc::decrement_strong_count(head.handle) };
        }
        Some(chunk)
    }

    /// Counts what is left to the next pause: a chunk that it looks at, or takes drops from, or a
    /// boxed value. Returns whether that has become much.
    pub(super) fn weigh(&self, boxed: Option<usize>) -> bool {
        let bytes = boxed.map_or(CHUNK, |bytes| bytes + OWNS);
        // Relaxed, as all that follow: a hint to collect.
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        before < MUCH && before + bytes >= MUCH
    }

    /// Returns whether much is left to the next pause, so that it is due.
    pub(crate) fn holds_much(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= MUCH
    }

    /// Begins to count anew. The caller leads a pause.
    pub(super) fn begin_count(&self) {
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Counts the bytes of boxed values that no table counts.
    pub(super) fn count_boxed(&self, bytes: isize) {
        self.boxed_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn boxed_bytes(&self) -> isize {
        self.boxed_bytes.load(Ordering::Relaxed)
    }

    /// Takes a page for a chunk.
    pub(super) fn take_page(&self) -> NonNull<u8> {
        self.made.fetch_add(1, Ordering::Relaxed);
        loop {
            let page = self.pages.lock().take();
            if let Some(page) = page {
                return page;
            }
            let region = pages::region();
            // What another thread has made needless is given back without the lock.
            let needless = self.pages.lock().add(region);
            drop(needless);
        }
    }

    /// Frees a chunk after `forget`, which takes it off its lists, unless the lock is taken: a
    /// thread that exists in the parent of a fork only may have it. Returns whether it did.
    ///
    /// # Safety
    ///
    /// [roots.freed], after `forget`.
    pub(super) unsafe fn try_free(&self, chunk: ChunkRef, forget: impl FnOnce()) -> bool {
        let Some(mut pages) = self.pages.try_lock() else { return false };
        forget();
        self.count_gone();
        // SAFETY: the caller's.
        let surplus = unsafe { pages.free([chunk.0.cast()].into_iter()) };
        drop(pages);
        self.release(surplus);
        true
    }

    /// Gives pages back to the system ([pages.no-lock]).
    fn release(&self, surplus: Option<Surplus>) {
        if let Some(surplus) = surplus {
            surplus.release();
            self.pages.lock().put_released(surplus);
        }
    }

    pub(super) fn count_looked(&self, slots: usize) {
        self.looked.fetch_add(slots, Ordering::Relaxed);
    }

    fn count_gone(&self) {
        self.gone.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many chunks there are, without those that are about to be freed. The caller
    /// leads a pause: no chunk is made meanwhile.
    pub(super) fn chunks(&self) -> usize {
        self.made.load(Ordering::Relaxed) - self.gone.load(Ordering::Relaxed)
    }

    /// Returns how many chunks there are, or were lately: a figure, without a lock.
    pub(crate) fn chunks_lately(&self) -> usize {
        let gone = self.gone.load(Ordering::Relaxed);
        self.made.load(Ordering::Relaxed).saturating_sub(gone)
    }

    /// Returns how many chunks were made.
    #[cfg(test)]
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Returns how many chunks mutators have left.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.pool.lock().owned.chunks.len()
    }

    /// Returns how many slots young pauses have looked at.
    #[cfg(test)]
    pub(crate) fn looked(&self) -> usize {
        self.looked.load(Ordering::Relaxed)
    }

    /// Passes the boxed values of roots that were dropped elsewhere to `dropped`, and leaves those
    /// that are dropped from now on to the threads that drop them ([attendance.one-finds]). The
    /// caller is the last user of the heap, with the registry locked.
    ///
    /// Returns how many roots there are, which keep the heap.
    pub(crate) fn leave_unattended(&self, dropped: impl FnMut(BoxedValue)) -> usize {
        self.attendance.end();
        self.take_dropped(dropped);
        self.pool.lock().owned.chunks.iter().map(|chunk| chunk.head().drops.word.roots() as usize).sum()
    }

    /// Returns the types of the values that roots hold which mutators have left, and how many of
    /// each, the most frequent first, `most` of them. Looks at every slot. The values are not
    /// looked at: other threads drop them.
    pub(crate) fn types(&self, most: usize) -> Vec<(&'static str, usize)> {
        let mut counts = HashMap::new();
        let pool = self.pool.lock();
        for chunk in &pool.owned.chunks {
            chunk.each_type(|info| *counts.entry((info.name)()).or_default() += 1);
        }
        drop(pool);
        let mut types: Vec<_> = counts.into_iter().collect();
        types.sort_unstable_by_key(|&(name, count)| (core::cmp::Reverse(count), name));
        types.truncate(most);
        types
    }

    /// Passes the boxed values of roots that were dropped elsewhere to `dropped`. The heap has no
    /// user any more, and the caller has the registry locked: so no pause is tracing the values,
    /// and every chunk is in the pool.
    pub(crate) fn take_dropped(&self, mut dropped: impl FnMut(BoxedValue)) {
        let mut pool = self.pool.lock();
        let mut freed = 0;
        self.noted.take(|chunk| {
            let chunk = ChunkRef(chunk);
            chunk.relink_noted(|value| {
                freed += BoxedValue::bytes(value.info);
                dropped(value);
            });
            pool.offer(chunk);
        });
        self.count_boxed(-(freed as isize));
    }

    /// Forgets every chunk, and passes the boxed values of roots that were dropped to `dropped`. No
    /// thread is left that has a root, or a mutator.
    pub(crate) fn end(&self, mut dropped: impl FnMut(BoxedValue)) {
        let mut pool = self.pool.lock();
        self.noted.take(|chunk| ChunkRef(chunk).relink_noted(&mut dropped));
        for chunk in core::mem::take(&mut pool.in_question) {
            chunk.head().question.end();
        }
        pool.available.chunks.clear();
        for chunk in pool.owned.chunks.drain(..) {
            chunk.relink(&mut dropped);
            assert_eq!(chunk.head().used(), 0, "gc-core: a root without a heap");
        }
    }
}

/// Chunks that nothing refers to. They are freed when this is dropped, which is done after a pause,
/// and with no lock held.
pub(crate) struct EmptyChunks {
    space: Arc<RootSpace>,
    chunks: Vec<ChunkRef>,
}

impl EmptyChunks {
    pub(super) fn new(space: Arc<RootSpace>) -> Self {
        Self { space, chunks: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds a chunk.
    ///
    /// # Safety
    ///
    /// [roots.freed].
    pub(super) unsafe fn push(&mut self, chunk: ChunkRef) {
        self.space.count_gone();
        self.chunks.push(chunk);
    }
}

impl Drop for EmptyChunks {
    fn drop(&mut self) {
        // A mutator that needs a page waits for one batch only.
        for batch in self.chunks.chunks(BATCH) {
            // SAFETY: what `push` requires.
            let surplus = unsafe { self.space.pages.lock().free(batch.iter().map(|chunk| chunk.0.cast())) };
            self.space.release(surplus);
        }
    }
}

impl Pool {
    /// Takes over a chunk that is orphaned.
    pub(super) fn enter(&mut self, chunk: ChunkRef) {
        self.owned.push(chunk);
        self.offer(chunk);
    }

    /// Lists a chunk to be filled again, if it has enough free slots.
    pub(super) fn offer(&mut self, chunk: ChunkRef) {
        let head = chunk.head();
        if head.used() <= FULL && head.own.available_place.get() == NOWHERE {
            self.available.push(chunk);
        }
    }
}
