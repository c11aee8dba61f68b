//! SATB buffers: old values that mutators overwrite while the old generation is being marked. A
//! buffer is handed over when it is full, and at every pause.
//!
//! - **[satb.marked-by-pusher]** The thread that pushes an object into a buffer of marked ones has
//!   marked it and has not traced it. The thread that drains the buffer traces the object without
//!   looking at the mark.
//! - **[satb.found]** The writer that logs a big cell does not mark what the cell holds, because to
//!   copy the pointers takes it a third of the time. They come in buffers of objects that were
//!   found: the thread that drains one marks each, and traces it if it was not marked.
//! - **[satb.one-place-each]** A buffer belongs to one mutator, to this queue or to the marker.

use core::ptr::NonNull;

use super::{big_cells::BigCells, weak_mode::WeakMode};
use crate::sync::{
    Mutex, RawLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
    raw,
};

/// Buffers that were handed over, which big cells need no logging, and the weak mode.
pub(crate) struct SatbQueue {
    pub(crate) big_cells: BigCells,
    /// How mutators read weak pointers.
    pub(crate) weak_mode: WeakMode,
    buffers: Mutex<Buffers>,
    /// The number of buffers: a hint.
    waiting: AtomicUsize,
    /// Entries handed over since the heap was created.
    entries: AtomicU64,
}

#[derive(Default)]
struct Buffers {
    marked: Vec<Vec<NonNull<u8>>>,
    found: Vec<Vec<NonNull<u8>>>,
}

// SAFETY: these are addresses of objects; the code that takes them is responsible for their use.
unsafe impl Send for Buffers {}

impl SatbQueue {
    pub(crate) fn new() -> Self {
        Self {
            big_cells: BigCells::default(),
            weak_mode: WeakMode::new(),
            buffers: Mutex::default(),
            waiting: AtomicUsize::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.buffers)
    }

    /// Adds a mutator's buffer of marked objects.
    pub(crate) fn hand_over(&self, buffer: Vec<NonNull<u8>>) {
        self.add(buffer, |buffers| &mut buffers.marked);
    }

    /// Adds a buffer of objects that a big cell held ([satb.found]), without the room that it does
    /// not use: there may be one for each big cell until the marker takes them.
    pub(crate) fn hand_over_found(&self, mut buffer: Vec<NonNull<u8>>) {
        buffer.shrink_to_fit();
        self.add(buffer, |buffers| &mut buffers.found);
    }

    fn add(&self, buffer: Vec<NonNull<u8>>, kind: fn(&mut Buffers) -> &mut Vec<Vec<NonNull<u8>>>) {
        if buffer.is_empty() {
            return;
        }
        // Relaxed, both: a statistic and a hint; the lock orders the buffers.
        self.entries.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        let mut buffers = self.buffers.lock();
        kind(&mut buffers).push(buffer);
        self.waiting.store(buffers.marked.len() + buffers.found.len(), Ordering::Relaxed);
    }

    /// Returns whether there is a buffer to take.
    #[inline(always)]
    pub(crate) fn is_waiting(&self) -> bool {
        // Relaxed: a hint.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Moves the entries of the buffers of marked objects to `marked`, and the other buffers, which
    /// may be long, to `found`.
    pub(crate) fn take(&self, marked: &mut Vec<NonNull<u8>>, found: &mut Vec<Vec<NonNull<u8>>>) {
        let mut buffers = self.buffers.lock();
        buffers.marked.drain(..).for_each(|buffer| marked.extend(buffer));
        found.append(&mut buffers.found);
        // Relaxed: a hint.
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Returns the number of entries handed over so far.
    pub(crate) fn entries(&self) -> u64 {
        // Relaxed: a statistic.
        self.entries.load(Ordering::Relaxed)
    }
}
