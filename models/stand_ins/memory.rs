//! Memory that is small enough for a model: an old part of four blocks of 64 granules, a young part, and no memory behind the
//! addresses. Bitmaps, frontiers and segments are the production files.

pub(crate) use address_map::{AddressMap, BLOCK, GRANULE, PAGE};
pub(crate) use reservation::{Reservation, ReserveError};
pub(crate) use segments::Segments;

#[path = "../../gc-core/src/memory/bitmap.rs"]
pub(crate) mod bitmap;
#[path = "../../gc-core/src/memory/frontier.rs"]
pub(crate) mod frontier;
#[path = "../../gc-core/src/memory/segments.rs"]
mod segments;

/// Addresses of values, without memory behind them.
pub(crate) const YOUNG: usize = 0x1000;
pub(crate) const OLD: usize = 0x2000;

pub(crate) mod address_map {
    use core::ptr;

    use super::{OLD, YOUNG};

    pub(crate) const GRANULE: usize = 16;
    /// Bytes of a block: one word of each bitmap.
    pub(crate) const BLOCK: usize = 64 * GRANULE;
    pub(crate) const GROUP: usize = 2;
    /// The size of a bitmap is a multiple of this.
    pub(crate) const PAGE: usize = 8;
    pub(crate) const LINE: usize = 4;

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
        sources: Part,
    }

    impl AddressMap {
        /// Returns a map in which every location that exists is in an old object.
        pub(crate) fn new() -> Self {
            Self {
                young: Part { start: YOUNG, bytes: 0x1000 },
                large: Part { start: 0, bytes: 0 },
                old: Part { start: OLD, bytes: 4 * BLOCK },
                sources: Part { start: 0x10000, bytes: usize::MAX - 0x10000 },
            }
        }

        pub(crate) fn young_and_large(&self) -> Part {
            self.young
        }

        pub(crate) fn large_and_old(&self) -> Part {
            self.sources
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

    use crate::sync::atomic::{AtomicU64, Ordering};

    /// The words of a bitmap.
    pub(crate) struct Reservation(Vec<AtomicU64>);

    #[derive(Debug)]
    pub(crate) enum ReserveError {}

    impl Reservation {
        pub(crate) fn zeroed(bytes: usize, _: &core::ffi::CStr) -> Result<Self, ReserveError> {
            Ok(Self((0..bytes / 8).map(|_| AtomicU64::new(0)).collect()))
        }

        /// Makes words zero.
        ///
        /// # Safety
        ///
        /// None: a model finds what uses them.
        pub(crate) unsafe fn release(&self, offset: usize, bytes: usize) {
            for word in &self.0[offset / 8..(offset + bytes) / 8] {
                word.store(0, Ordering::Relaxed);
            }
        }

        pub(crate) fn base(&self) -> NonNull<u8> {
            NonNull::from(self.0.as_slice()).cast()
        }

        /// Returns the bytes that as many machine words would take.
        pub(crate) fn bytes(&self) -> usize {
            self.0.len() * 8
        }
    }
}

pub(crate) mod poison {
    pub(crate) const SWEPT: u8 = 0xD5;

    /// # Safety
    ///
    /// None: nothing is written.
    pub(crate) unsafe fn fill(_: *mut u8, _: usize, _: u8) {}

    pub(crate) fn forbid(_: *const u8, _: usize) {}

    pub(crate) fn allow(_: *const u8, _: usize) {}
}
