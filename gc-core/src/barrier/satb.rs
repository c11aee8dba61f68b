//! Old values that were overwritten while the old generation is being marked: buffers of the mutators, handed over when they are
//! full and at every pause.
//!
//! - **[satb.marked-by-pusher]** What is in a buffer was marked by whoever pushed it, and not traced: who drains it traces it without looking at the mark.
//! - **[satb.one-holder]** A buffer is in a mutator's hands, or here, or in the marker's.

use core::ptr::NonNull;

use crate::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Buffers that were handed over.
pub(crate) struct SatbQueue {
    buffers: Mutex<Buffers>,
    /// How many buffers there are: a hint.
    waiting: AtomicUsize,
    /// Entries handed over since the heap was made.
    entries: AtomicU64,
}

#[derive(Default)]
struct Buffers(Vec<Vec<NonNull<u8>>>);

// SAFETY: addresses of objects; whoever takes them answers for using them.
unsafe impl Send for Buffers {}

impl SatbQueue {
    pub(crate) fn new() -> Self {
        Self { buffers: Mutex::default(), waiting: AtomicUsize::new(0), entries: AtomicU64::new(0) }
    }

    /// Hands a buffer over.
    pub(crate) fn hand_over(&self, buffer: Vec<NonNull<u8>>) {
        if buffer.is_empty() {
            return;
        }
        // Relaxed, both: a figure, and a hint; buffers go through the lock.
        self.entries.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        let mut buffers = self.buffers.lock();
        buffers.0.push(buffer);
        self.waiting.store(buffers.0.len(), Ordering::Relaxed);
    }

    /// Whether there is something to take.
    #[inline(always)]
    pub(crate) fn is_waiting(&self) -> bool {
        // Relaxed: a hint.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Adds what was handed over to `entries`.
    pub(crate) fn take(&self, entries: &mut Vec<NonNull<u8>>) {
        let mut buffers = self.buffers.lock();
        for buffer in buffers.0.drain(..) {
            entries.extend(buffer);
        }
        // Relaxed: a hint.
        self.waiting.store(0, Ordering::Relaxed);
    }

    /// Entries handed over so far.
    pub(crate) fn entries(&self) -> u64 {
        // Relaxed: a figure.
        self.entries.load(Ordering::Relaxed)
    }
}
