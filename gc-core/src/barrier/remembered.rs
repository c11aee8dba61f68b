//! The remembered set: places in old objects that may hold young values. What keeps it whole are [barrier.remembered] to [barrier.logged].

use core::ptr::NonNull;

use crate::object::{CellWord, PointerSlot, TypeInfo};

/// Places in old objects that may hold young values.
#[derive(Default)]
pub(crate) struct Remembered {
    /// Slots, immutable fields, and pointers in memory that old objects own.
    pub(crate) pointer_slots: Vec<NonNull<PointerSlot>>,
    pub(crate) cells: Vec<RememberedCell>,
}

/// A logged cell.
#[derive(Clone, Copy)]
pub(crate) struct RememberedCell {
    pub(crate) word: NonNull<CellWord>,
    /// The type of the content.
    pub(crate) info: &'static TypeInfo,
}

impl RememberedCell {
    /// The content: a cell is laid out as in C, word first.
    pub(crate) fn content(self) -> *mut u8 {
        let offset = size_of::<CellWord>().next_multiple_of(self.info.shape.align as usize);
        self.word.as_ptr().cast::<u8>().wrapping_add(offset)
    }
}

impl Remembered {
    /// Adds another set.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.pointer_slots.append(&mut other.pointer_slots);
        self.cells.append(&mut other.cells);
    }

    /// If there are more than `capacity` places: drops what is there twice. Whether half of the capacity is left.
    pub(crate) fn compact(&mut self, capacity: usize) -> bool {
        if self.len() <= capacity {
            return false;
        }
        self.pointer_slots.sort_unstable();
        self.pointer_slots.dedup();
        self.len() > capacity / 2
    }

    pub(crate) fn len(&self) -> usize {
        self.pointer_slots.len() + self.cells.len()
    }
}
