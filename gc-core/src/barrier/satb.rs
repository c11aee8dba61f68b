//! SATB buffers: old values that mutators overwrite while the old generation is being marked. A buffer is handed over when it is
//! full, and at every pause.
//!
//! - **[satb.marked-by-pusher]** The thread that pushes an object into a buffer has marked it and has not traced it. The thread
//!   that drains the buffer traces the object without looking at the mark.
//! - **[satb.one-place-each]** A buffer belongs to one mutator, to this queue or to the marker.

use core::ptr::NonNull;

use crate::sync::{
    Mutex, RawLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
    raw,
};

/// Buffers that were handed over.
pub(crate) struct SatbQueue {
    buffers: Mutex<Buffers>,
    /// The number of buffers: a hint.
    waiting: AtomicUsize,
    /// Entries handed over since the heap was created.
    entries: AtomicU64,
}

#[derive(Default)]
struct Buffers(Vec<Vec<NonNull<u8>>>);

// SAFETY: these are addresses of objects; the code that takes them is responsible for their use.
unsafe impl Send for Buffers {}

impl SatbQueue {
    pub(crate) fn new() -> Self {
        Self { buffers: Mutex::default(), waiting: AtomicUsize::new(0), entries: AtomicU64::new(0) }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.buffers)
    }

    /// Adds a mutator's buffer.
    pub(crate) fn hand_over(&self, buffer: Vec<NonNull<u8>>) {
        if buffer.is_empty() {
            return;
        }
        // Relaxed, both: a statistic and a hint; the lock orders the buffers.
        self.entries.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        let mut buffers = self.buffers.lock();
        buffers.0.push(buffer);
        self.waiting.store(buffers.0.len(), Ordering::Relaxed);
    }

    /// Returns whether there is a buffer to take.
    #[inline(always)]
    pub(crate) fn is_waiting(&self) -> bool {
        // Relaxed: a hint.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Moves the entries of all buffers to `entries`.
    pub(crate) fn take(&self, entries: &mut Vec<NonNull<u8>>) {
        let mut buffers = self.buffers.lock();
        for buffer in buffers.0.drain(..) {
            entries.extend(buffer);
        }
        // Relaxed: a hint.
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Returns the number of entries handed over so far.
    pub(crate) fn entries(&self) -> u64 {
        // Relaxed: a statistic.
        self.entries.load(Ordering::Relaxed)
    }
}
