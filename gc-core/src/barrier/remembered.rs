//! The remembered set: pointer slots and cells of old objects that may hold young values. The
//! invariants [barrier.remembered] to [barrier.logged] keep it complete.

use core::ptr::NonNull;

use crate::{
    memory::Segments,
    object::{CellWord, PointerSlot, TypeInfo},
};

/// Pointer slots and cells of old objects that may hold young values.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Those of `Slot`s and of immutable fields, also in memory that old objects own.
    pub(crate) pointer_slots: Segments<NonNull<PointerSlot>>,
    pub(crate) cells: Segments<RememberedCell>,
}

/// A logged cell.
#[derive(Clone, Copy)]
pub(crate) struct RememberedCell {
    pub(crate) word: NonNull<CellWord>,
    /// The type of the content.
    pub(crate) info: &'static TypeInfo,
}

impl RememberedCell {
    /// Returns the content: a cell is laid out as in C, word first.
    pub(crate) fn content(self) -> *mut u8 {
        let offset = size_of::<CellWord>().next_multiple_of(self.info.shape.align as usize);
        self.word.as_ptr().cast::<u8>().wrapping_add(offset)
    }
}

impl Remembered {
    /// Adds the entries of another set.
    pub(crate) fn append(&mut self, other: Self) {
        self.pointer_slots.append(other.pointer_slots);
        self.cells.append(other.cells);
    }

    /// Removes duplicate slots if the set has more than `capacity` entries. Returns whether more
    /// than half of `capacity` is in use after that.
    pub(crate) fn compact(&mut self, capacity: usize) -> bool {
        if self.len() <= capacity {
            return false;
        }
        self.pointer_slots.sort_and_dedup();
        self.len() > capacity / 2
    }

    /// Returns the bytes of memory that hold the entries.
    pub(crate) fn bytes(&self) -> usize {
        self.pointer_slots.bytes() + self.cells.bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.pointer_slots.len() + self.cells.len()
    }
}
