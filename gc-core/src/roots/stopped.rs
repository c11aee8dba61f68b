//! The roots of a heap in a pause, for its leader.

use core::{panic::Location, ptr::NonNull};

use crate::{object::TypeInfo, sync::Arc};

use super::{
    boxed::BoxedValue,
    chunk::{CHUNK, ChunkRef, FULL, NOWHERE},
    question::Survival,
    space::{EmptyChunks, Pool, RootSpace},
    table::{Lists, RootTable},
};

/// Every root of a heap, while the world is stopped.
pub(crate) struct StoppedRoots<'a, M> {
    space: &'a Arc<RootSpace>,
    /// The mutators that may have run since the last pause, and the dormant ones.
    awake: &'a [M],
    dormant: &'a [M],
    /// The type info of a word that is null or points to an object.
    word: &'static TypeInfo,
}

/// What was found in a young pause, beside the roots.
pub(crate) struct Found {
    /// Boxed values of roots that were dropped elsewhere.
    pub(crate) boxed: Vec<BoxedValue>,
    /// Chunks without roots.
    pub(crate) empty: EmptyChunks,
}

impl<'a, M: AsRef<RootTable>> StoppedRoots<'a, M> {
    /// Returns the roots of a heap with these mutators, none of which runs before this ends. The
    /// `dormant` ones have not run since the last pause.
    pub(crate) fn new(space: &'a Arc<RootSpace>, awake: &'a [M], dormant: &'a [M], word: &'static TypeInfo) -> Self {
        Self { space, awake, dormant, word }
    }

    /// Calls `visit` with every root that may hold something young. Before that, takes over what
    /// was dropped elsewhere; afterwards nothing is taken over before the pause ends, so that
    /// `visit` may keep addresses.
    pub(crate) fn look_for_young(
        &self,
        survival: Survival,
        mut visit: impl FnMut(&'static TypeInfo, *mut u8),
    ) -> Found {
        let mut found = Found { boxed: Vec::new(), empty: EmptyChunks::new(self.space.clone()) };
        let pool = &mut *self.space.pool();
        self.space.begin_count();
        self.take_over_drops(pool, &mut found);
        let mut in_question = core::mem::take(&mut pool.in_question);
        for table in self.awake.iter().map(M::as_ref) {
            table.end_filling();
            self.space.count_boxed(table.take_boxed_bytes());
            let lists = &mut *table.lists().borrow_mut();
            in_question.append(&mut lists.in_question);
            found.boxed.append(&mut lists.dropped);
        }
        let mut looked = 0;
        for table in self.awake.iter().map(M::as_ref) {
            looked += table.frames.look_for_young(survival, |word| visit(self.word, word));
        }
        in_question.retain(|chunk| {
            let scanned = chunk.scan(&mut visit);
            looked += super::chunk::SLOTS;
            chunk.head().count(scanned.used);
            if scanned.used == 0 {
                chunk.head().question.end();
            }
            let stays = scanned.used > 0 && chunk.head().question.looked(survival, scanned.has_cells);
            self.tidy(pool, *chunk, &mut found);
            stays
        });
        pool.in_question = in_question;
        pool.in_question.shrink_to(2 * pool.in_question.len());
        self.space.count_looked(looked);
        found
    }

    /// Takes over the slots and values of roots that were dropped elsewhere.
    fn take_over_drops(&self, pool: &mut Pool, found: &mut Found) {
        let mut freed = 0;
        self.space.noted.take(|chunk: NonNull<_>| {
            let chunk = ChunkRef(chunk);
            chunk.relink_noted(|value| {
                freed += BoxedValue::bytes(value.info);
                found.boxed.push(value);
            });
            // One in question is scanned soon, and may be the one that its owner fills.
            if !chunk.head().question.is_open() {
                self.tidy(pool, chunk, found);
            }
        });
        self.space.count_boxed(-(freed as isize));
    }

    /// Lists a chunk to be filled again, or takes it from its owner, by how many of its slots are
    /// in use.
    fn tidy(&self, pool: &mut Pool, chunk: ChunkRef, found: &mut Found) {
        let head = chunk.head();
        // SAFETY: the table of an attached mutator, which does not run; or null.
        let Some(table) = (unsafe { head.own.table.get().cast::<RootTable>().as_ref() }) else {
            let is_empty = head.used() == 0 && !head.question.is_open() && head.drops.word.is_quiet();
            if is_empty {
                pool.available.remove(chunk);
                pool.owned.remove(chunk);
                // SAFETY: [roots.freed].
                unsafe { found.empty.push(chunk) };
            } else {
                pool.offer(chunk);
            }
            return;
        };
        let Lists { owned, available, .. } = &mut *table.lists().borrow_mut();
        let is_empty = head.used() == 0 && !head.question.is_open() && head.drops.word.is_quiet();
        // A mutator keeps its last chunk.
        if is_empty && owned.chunks.len() > 1 {
            available.remove(chunk);
            owned.remove(chunk);
            // SAFETY: [roots.freed].
            unsafe { found.empty.push(chunk) };
        } else if head.used() <= FULL && head.own.available_place.get() == NOWHERE {
            available.push(chunk);
        }
    }

    /// Calls `visit` with every root and changes nothing.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8)) {
        self.for_each_chunk(|chunk| chunk.look(&mut visit));
        self.tables().for_each(|table| table.frames.for_each(|word| visit(self.word, word)));
    }

    /// Calls `visit` with every root and with the place where it was made, if that is known
    /// ([places.overwritten]), and changes nothing.
    pub(crate) fn for_each_placed(
        &self,
        mut visit: impl FnMut(&'static TypeInfo, *mut u8, Option<&'static Location<'static>>),
    ) {
        let places = &self.space.places;
        self.for_each_chunk(|chunk| chunk.look_at_slots(|slot, info, value| visit(info, value, places.of(slot))));
        self.tables().for_each(|table| table.frames.for_each(|word| visit(self.word, word, None)));
    }

    /// Calls `visit` with every root that a young pause would not look at, and changes nothing.
    pub(crate) fn for_each_settled(&self, mut visit: impl FnMut(&'static TypeInfo, *mut u8)) {
        self.for_each_chunk(|chunk| {
            if !chunk.head().question.is_open() {
                chunk.look(&mut visit);
            }
        });
        self.tables().for_each(|table| table.frames.for_each_settled(|word| visit(self.word, word)));
    }

    fn tables(&self) -> impl Iterator<Item = &RootTable> {
        self.awake.iter().chain(self.dormant).map(M::as_ref)
    }

    fn for_each_chunk(&self, mut visit: impl FnMut(ChunkRef)) {
        self.space.pool().owned.chunks.iter().copied().for_each(&mut visit);
        for table in self.tables() {
            table.lists().borrow().owned.chunks.iter().copied().for_each(&mut visit);
        }
    }

    /// Returns the bytes of chunks and of boxed values. Those of the mutators' tables have been
    /// taken over.
    pub(crate) fn bytes(&self) -> usize {
        self.space.chunks() * CHUNK + self.space.boxed_bytes().max(0) as usize
    }
}
