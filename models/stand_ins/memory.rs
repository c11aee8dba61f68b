//! What the barrier knows of memory, small enough for a model: an old part of a few objects, a young part, no large objects. Slots and
//! cells' words are the production files.

use crate::sync::atomic::{AtomicU32, Ordering};

pub(crate) use crate::{cell_word::CellWord, edge::Edge};

/// A range of addresses.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

impl Part {
    pub(crate) fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.bytes
    }
}

#[derive(Clone, Copy)]
pub(crate) struct AddressMap {
    pub(crate) young: Part,
    pub(crate) large: Part,
    pub(crate) old: Part,
    holders: Part,
}

/// Where values are: addresses of no memory.
pub(crate) const YOUNG: usize = 0x1000;
pub(crate) const OLD: usize = 0x2000;

impl AddressMap {
    /// Every place that exists is in an old object.
    pub(crate) fn new() -> Self {
        Self {
            young: Part { start: YOUNG, bytes: 0x1000 },
            large: Part { start: 0, bytes: 0 },
            old: Part { start: OLD, bytes: 0x1000 },
            holders: Part { start: 0x10000, bytes: usize::MAX - 0x10000 },
        }
    }

    pub(crate) fn young_and_large(&self) -> Part {
        self.young
    }

    pub(crate) fn large_and_old(&self) -> Part {
        self.holders
    }
}

/// The description of a cell's content: one pointer.
pub struct TypeInfo {
    pub(crate) trace: TraceFns,
    pub(crate) shape: TypeShape,
}

pub(crate) struct TypeShape {
    pub(crate) align: u16,
}

pub(crate) struct TraceFns {
    pub(crate) preserve: unsafe fn(*mut u8, usize, *mut u8),
}

pub(crate) mod blocks {
    use super::{AtomicU32, OLD, Ordering};

    /// Mark bits of 32 objects.
    pub(crate) struct Bits {
        pub(crate) marks: Marks,
    }

    pub(crate) struct Marks(AtomicU32);

    impl Bits {
        pub(crate) fn new() -> Self {
            Self { marks: Marks(AtomicU32::new(0)) }
        }

        pub(crate) fn granule(&self, address: usize) -> usize {
            (address - OLD) / 16
        }
    }

    impl Marks {
        pub(crate) fn set_shared(&self, granule: usize) -> bool {
            self.0.fetch_or(1 << granule, Ordering::Relaxed) & (1 << granule) == 0
        }

        pub(crate) fn is_set(&self, granule: usize) -> bool {
            self.0.load(Ordering::Relaxed) & (1 << granule) != 0
        }
    }
}

pub(crate) mod large {
    /// No large objects.
    pub(crate) struct RunTable;
    pub(crate) struct Run;

    impl RunTable {
        pub(crate) fn run_of(&self, _: usize) -> &Run {
            unreachable!("there are no large objects")
        }
    }

    impl Run {
        pub(crate) fn is_old(&self) -> bool {
            true
        }

        pub(crate) fn mark(&self) -> bool {
            false
        }
    }
}
