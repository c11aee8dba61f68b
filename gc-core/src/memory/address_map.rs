//! Where the three parts of a heap lie, and to which part an address belongs.

use core::ptr::NonNull;

/// Bytes of memory that one bit of a bitmap stands for.
pub(crate) const GRANULE: usize = 16;
/// Bytes of a page of the large part.
pub(crate) const PAGE: usize = 4096;
/// Bytes of a line of the large part: its objects share no cache line.
pub(crate) const LINE: usize = 64;
/// Bytes of a block of the old part.
pub(crate) const BLOCK: usize = 64 * 1024;

/// Bytes of a huge page.
pub(crate) const HUGE_PAGE: usize = 2 << 20;
/// The blocks of a group: as many as a huge page has, from a multiple of a huge page on.
pub(crate) const GROUP: usize = HUGE_PAGE / BLOCK;

/// A range of addresses, tested with one subtraction and one compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

impl Part {
    #[inline(always)]
    pub(crate) fn contains(self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.bytes
    }

    /// Returns the number of bytes from the start of the part to `address`.
    #[inline(always)]
    pub(crate) fn offset(self, address: usize) -> usize {
        debug_assert!(self.contains(address));
        address - self.start
    }
}

/// The parts of one heap. They never change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressMap {
    base: NonNull<u8>,
    pub(crate) young: Part,
    pub(crate) large: Part,
    pub(crate) old: Part,
}

// SAFETY: these are addresses; code that makes a pointer of one and dereferences it is responsible for that.
unsafe impl Send for AddressMap {}
// SAFETY: as above.
unsafe impl Sync for AddressMap {}

impl AddressMap {
    /// Returns parts of the given sizes, from `base` on. Each size is a multiple of [`BLOCK`].
    pub(crate) fn new(base: NonNull<u8>, young: usize, large: usize, old: usize) -> Self {
        debug_assert!(young.is_multiple_of(BLOCK) && large.is_multiple_of(BLOCK) && old.is_multiple_of(BLOCK));
        let start = base.addr().get();
        Self {
            base,
            young: Part { start, bytes: young },
            large: Part { start: start + young, bytes: large },
            old: Part { start: start + young + large, bytes: old },
        }
    }

    /// Returns the young and the large part: the addresses that a minor collection looks at.
    #[inline(always)]
    pub(crate) fn young_and_large(&self) -> Part {
        Part { start: self.young.start, bytes: self.young.bytes + self.large.bytes }
    }

    /// Returns all three parts.
    #[inline(always)]
    pub(crate) fn all(&self) -> Part {
        Part { start: self.young.start, bytes: self.young.bytes + self.large.bytes + self.old.bytes }
    }

    /// Returns the large and the old part: the source objects that a barrier looks for.
    #[inline(always)]
    pub(crate) fn large_and_old(&self) -> Part {
        Part { start: self.large.start, bytes: self.large.bytes + self.old.bytes }
    }

    /// Returns a pointer to an address of the heap, with the provenance of the reservation.
    #[inline(always)]
    pub(crate) fn pointer(&self, address: usize) -> *mut u8 {
        self.base.as_ptr().with_addr(address)
    }

    /// Returns the number of bytes from the start of the reservation to an address of the heap.
    #[inline(always)]
    pub(crate) fn offset(&self, address: usize) -> usize {
        address - self.base.addr().get()
    }

    #[inline(always)]
    pub(crate) fn block_of(&self, address: usize) -> usize {
        self.old.offset(address) / BLOCK
    }

    #[inline(always)]
    pub(crate) fn block_start(&self, block: usize) -> usize {
        self.old.start + block * BLOCK
    }

    #[inline(always)]
    pub(crate) fn page_start(&self, page: usize) -> usize {
        self.large.start + page * PAGE
    }
}
