//! To-space: the destination of survivors that stay young. Each worker fills a chunk of its own
//! from the bottom.
//!
//! - **[to-space.grow]** A pause that needs more chunks than are charged commits them, while its
//!   leader has the locks of the heap: who waits for one of these waits for the end of the pause in
//!   any case. It takes no more than what it copies out of, the ends of chunks, and one for each
//!   worker. Allocation has committed some ahead; of the rest a worker commits a chunk at a time
//!   while the others cannot take one. It has the system back its chunk alone: page faults would
//!   take most of a pause that needs much to-space for the first time.

use core::ptr::NonNull;

use crate::{
    object::{HEADER, Header, TypeShape, young_start},
    space::young::{Age, YoungSpace},
    sync::Mutex,
};

/// The young part's chunks, for the workers of one collection.
pub(crate) struct ToSpace<'a> {
    space: Mutex<&'a mut YoungSpace>,
    /// Charges and commits a chunk: (offset in the reservation, bytes).
    grow: &'a (dyn Fn(usize, usize) -> bool + Sync),
    /// Has the system back a chunk.
    populate: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> ToSpace<'a> {
    pub(crate) fn new(
        space: &'a mut YoungSpace,
        grow: &'a (dyn Fn(usize, usize) -> bool + Sync),
        populate: &'a (dyn Fn(usize, usize) + Sync),
    ) -> Self {
        Self { space: Mutex::new(space), grow, populate }
    }
}

/// The chunk that a worker copies into: headers of objects and fillers without a gap below `bump`.
pub(super) struct Buffer {
    bump: *mut u8,
    end: usize,
    chunk: Option<u32>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bump: core::ptr::null_mut(), end: 0, chunk: None }
    }
}

impl Buffer {
    /// Returns the address for an object of `size_with_header` bytes, and the end of its memory,
    /// which [`bump_to`](Self::bump_to) takes.
    #[inline(always)]
    pub(super) fn place(&self, shape: &TypeShape, size_with_header: usize) -> Option<(*mut u8, *mut u8)> {
        if shape.align <= 8 && self.end.wrapping_sub(self.bump.addr()) >= size_with_header {
            return Some((self.bump.wrapping_add(HEADER), self.bump.wrapping_add(size_with_header)));
        }
        None
    }

    /// Does the same as [`place`](Self::place) for any alignment, and in another chunk if this one
    /// is full.
    #[cold]
    #[inline(never)]
    pub(super) fn place_slow(
        &mut self,
        to_space: &ToSpace<'_>,
        shape: &TypeShape,
        size_with_header: usize,
    ) -> Option<(*mut u8, *mut u8)> {
        let bytes = shape.young_bytes(size_with_header);
        loop {
            if self.chunk.is_some() {
                let from = self.bump.addr();
                let at = young_start(from, shape.align as usize, shape.slice);
                if at + bytes <= self.end {
                    if at > from {
                        let gap = NonNull::new(self.bump).expect("to-space is not at address 0");
                        // SAFETY: free memory of this worker's chunk.
                        unsafe { Header::at(gap).write_filler(at - from) };
                        self.bump = self.bump.with_addr(at);
                    }
                    return Some((self.bump.wrapping_add(HEADER), self.bump.wrapping_add(bytes)));
                }
            }
            self.retire(to_space);
            let mut space = to_space.space.lock();
            let mut grown = None;
            let grow = |offset, bytes| {
                grown = Some((offset, bytes));
                (to_space.grow)(offset, bytes)
            };
            let chunk = space.take(Age::Arriving, grow)?;
            let start = space.start(chunk);
            *self = Self { bump: start, end: start.addr() + space.chunk_bytes(), chunk: Some(chunk) };
            drop(space);
            if let Some((offset, bytes)) = grown {
                (to_space.populate)(offset, bytes);
            }
        }
    }

    /// Takes the memory up to `end`: an object was put there.
    #[inline(always)]
    pub(super) fn bump_to(&mut self, end: *mut u8) {
        self.bump = end;
    }

    /// Ends the chunk and records the end of its objects.
    pub(super) fn retire(&mut self, to_space: &ToSpace<'_>) {
        if let Some(chunk) = self.chunk.take() {
            to_space.space.lock().set_top(chunk, self.bump.addr());
        }
        *self = Self::default();
    }
}
