//! What barriers, promotion and the sweep know of memory, small enough for a model: an old part of four blocks of 64 granules, a young
//! part, no large objects, and nothing behind the addresses. Blocks, their size classes and bitmaps, slots and cells' words are the production files.

pub(crate) use crate::{cell_word::CellWord, edge::Edge};
pub(crate) use layout::{BLOCK, GRANULE, PAGE};
pub(crate) use map::AddressMap;

#[path = "../../gc-core/src/memory/bitmap.rs"]
pub(crate) mod bitmap;
#[path = "../../gc-core/src/memory/blocks.rs"]
pub(crate) mod blocks;
#[path = "../../gc-core/src/memory/size_class.rs"]
pub(crate) mod size_class;

/// Where values are: addresses of no memory.
pub(crate) const YOUNG: usize = 0x1000;
pub(crate) const OLD: usize = 0x2000;

mod layout {
    pub(crate) const GRANULE: usize = 16;
    /// A word of each bitmap.
    pub(crate) const BLOCK: usize = 64 * GRANULE;
    /// What bitmaps take a multiple of.
    pub(crate) const PAGE: usize = 8;
    pub(crate) const MAX_SMALL: usize = BLOCK / 2;
}

mod map {
    use core::ptr;

    use super::{BLOCK, OLD, YOUNG};

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

        pub(crate) fn offset(&self, address: usize) -> usize {
            assert!(self.contains(address), "no address of this part");
            address - self.start
        }
    }

    #[derive(Clone, Copy)]
    pub(crate) struct AddressMap {
        pub(crate) young: Part,
        pub(crate) large: Part,
        pub(crate) old: Part,
        holders: Part,
    }

    impl AddressMap {
        /// Every place that exists is in an old object.
        pub(crate) fn new() -> Self {
            Self {
                young: Part { start: YOUNG, bytes: 0x1000 },
                large: Part { start: 0, bytes: 0 },
                old: Part { start: OLD, bytes: 4 * BLOCK },
                holders: Part { start: 0x10000, bytes: usize::MAX - 0x10000 },
            }
        }

        pub(crate) fn young_and_large(&self) -> Part {
            self.young
        }

        pub(crate) fn large_and_old(&self) -> Part {
            self.holders
        }

        pub(crate) fn pointer(&self, address: usize) -> *mut u8 {
            ptr::without_provenance_mut(address)
        }

        pub(crate) fn offset(&self, address: usize) -> usize {
            address - YOUNG
        }

        pub(crate) fn block_start(&self, block: usize) -> usize {
            self.old.start + block * BLOCK
        }
    }
}

mod reservation {
    use core::ptr::NonNull;

    use crate::sync::atomic::AtomicU64;

    /// The words of a bitmap.
    pub(crate) struct Reservation(Vec<AtomicU64>);

    #[derive(Debug)]
    pub(crate) enum ReserveError {}

    impl Reservation {
        pub(crate) fn zeroed(bytes: usize) -> Result<Self, ReserveError> {
            Ok(Self((0..bytes / 8).map(|_| AtomicU64::new(0)).collect()))
        }

        pub(crate) fn base(&self) -> NonNull<u8> {
            NonNull::from(self.0.as_slice()).cast()
        }

        /// As many as words of the machine would take.
        pub(crate) fn bytes(&self) -> usize {
            self.0.len() * 8
        }
    }
}

/// A header: there is one type of objects.
pub(crate) struct Header;

impl Header {
    pub(crate) fn of(_: *mut u8) -> Self {
        Self
    }

    /// # Safety
    ///
    /// None: nothing is read.
    pub(crate) unsafe fn info(&self) -> &'static TypeInfo {
        &OBJECT
    }
}

/// An object that fills half a block and needs dropping.
pub(crate) static OBJECT: TypeInfo =
    TypeInfo { trace: TraceFns { preserve: no_pointers }, shape: TypeShape { align: 8 }, drop: Some(|| ()) };

/// # Safety
///
/// None: nothing is read.
unsafe fn no_pointers(_: *mut u8, _: usize, _: *mut u8) {}

/// The description of an object, or of a cell's content.
pub struct TypeInfo {
    pub(crate) trace: TraceFns,
    pub(crate) shape: TypeShape,
    pub(crate) drop: Option<fn()>,
}

pub(crate) struct TypeShape {
    pub(crate) align: u16,
}

pub(crate) struct TraceFns {
    pub(crate) preserve: unsafe fn(*mut u8, usize, *mut u8),
}

impl TypeShape {
    pub(crate) fn cell_bytes(&self, extent: usize) -> usize {
        extent
    }

    pub(crate) fn cell_offset(&self) -> usize {
        8
    }
}

pub(crate) mod poison {
    pub(crate) const SWEPT: u8 = 0xD5;

    /// # Safety
    ///
    /// None: nothing is written.
    pub(crate) unsafe fn fill(_: *mut u8, _: usize, _: u8) {}
}

pub(crate) mod large {
    use super::TypeInfo;

    pub(crate) struct LargeSpace {
        pub(crate) old: Vec<u32>,
        pub(crate) unswept: Vec<u32>,
    }

    /// No large objects.
    pub(crate) struct RunTable;
    pub(crate) struct Run;

    pub(crate) enum RunState {
        Dead,
    }

    impl LargeSpace {
        pub(crate) fn give_back(&mut self, _: &RunTable, _: u32) {
            unreachable!("there are no large objects")
        }
    }

    impl RunTable {
        pub(crate) fn run(&self, _: usize) -> &Run {
            unreachable!("there are no large objects")
        }

        pub(crate) fn run_of(&self, _: usize) -> &Run {
            unreachable!("there are no large objects")
        }

        pub(crate) fn object(&self, _: usize) -> (*mut u8, &'static TypeInfo) {
            unreachable!("there are no large objects")
        }
    }

    impl Run {
        pub(crate) fn is_old(&self) -> bool {
            true
        }

        pub(crate) fn is_marked(&self) -> bool {
            true
        }

        pub(crate) fn mark(&self) -> bool {
            false
        }

        pub(crate) fn unmark(&self) {}

        pub(crate) fn pages(&self) -> usize {
            0
        }

        pub(crate) fn set_state(&self, _: RunState) {}
    }
}
