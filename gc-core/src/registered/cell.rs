//! The weak cell: the object of the heap that weak references point to.

use core::{ptr, ptr::NonNull};

use crate::{
    object::PointerSlot,
    sync::atomic::{AtomicU64, Ordering},
    trace::{Trace, Visitor},
};

/// Points to a target without keeping it alive.
#[repr(C)]
pub(crate) struct WeakCell {
    /// The target, or null once it is dead. Only a running mutator reads it, and no thread writes
    /// it but the one that makes the cell, the leader of a pause, and the thread that clears what
    /// marking has found dead.
    target: PointerSlot,
    /// The identity of the target, and whether the program knows it.
    id: AtomicU64,
}

/// Beside an identity: it was told to the program.
const TOLD: u64 = 1 << 63;

impl WeakCell {
    pub(crate) fn new(target: NonNull<u8>, id: u64) -> Self {
        Self { target: PointerSlot::new(target.as_ptr()), id: AtomicU64::new(id) }
    }

    /// Returns a cell that points nowhere.
    pub(crate) fn unused() -> Self {
        Self { target: PointerSlot::new(ptr::null_mut()), id: AtomicU64::new(0) }
    }

    /// Returns the identity of the target.
    pub(crate) fn id(&self) -> u64 {
        // Relaxed, here and below: what else hangs on the word is read in a pause, or once no mutator leads to the cell.
        self.id.load(Ordering::Relaxed) & !TOLD
    }

    /// Returns the identity of the target, to the program: it stays.
    pub(crate) fn tell_id(&self) -> u64 {
        if !self.was_told() {
            self.id.fetch_or(TOLD, Ordering::Relaxed);
        }
        self.id()
    }

    /// Returns whether the program knows the identity.
    pub(crate) fn was_told(&self) -> bool {
        self.id.load(Ordering::Relaxed) & TOLD != 0
    }

    /// Returns the word that points to the target, or is null.
    #[inline(always)]
    pub(crate) fn target(&self) -> &PointerSlot {
        &self.target
    }

    /// Clears the cell: its target is dead.
    pub(crate) fn clear(&self) {
        // Relaxed: a reader that finds the target marked for finalization after this has acquired that mark ([clearing.before-marks]).
        self.target.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Follows the target, which has moved. The world is stopped.
    pub(crate) fn follow(&self, target: NonNull<u8>) {
        // Relaxed: the world is stopped.
        self.target.store(target.as_ptr(), Ordering::Relaxed);
    }
}

// SAFETY: a leaf: the target is no pointer that the collector follows, and both words are the same under every lifetime.
unsafe impl Trace for WeakCell {
    type At<'a> = Self;
    type Static = Self;
    const HAS_CELL: bool = false;
    const HAS_GC: bool = false;

    #[inline(always)]
    unsafe fn trace<V: Visitor>(_: *mut Self, _: &mut V) {}
}
