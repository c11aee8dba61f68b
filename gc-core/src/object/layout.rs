//! How an object lies in memory.
//!
//! ```text
//!   sized          | header | value …                     address = value
//!   slice, str     | header | length | [pad] | elements … address = length
//!   with a tail    | header | value … | bytes …            address = value
//! ```
//!
//! The header is always the word before the address. Objects of alignment up to 8 fill multiples of
//! 8 bytes in the young part. In the old part every object fills a cell of its size class, which is
//! a multiple of 16. The cell starts `cell_offset` bytes before the address:
//!
//! - **[layout.small]** For alignment up to 8, and for slices of alignment 16, `cell_offset` is 8
//!   bytes, those of the header. The address lies in the cell's first granule.
//! - **[layout.aligned]** For everything else it is a positive multiple of 16. The address is the
//!   start of a granule that is not the cell's first.
//!
//! - **[layout.tail]** An object of some types has bytes behind its value. It is a sized object in
//!   all else: of one value, which says how many bytes they are, and which alone is traced and
//!   dropped. The alignment is at most 8.
//!
//! So the granule of an address determines the address: the cell's first granule stands for start +
//! 8, any other granule for its own start.

/// Bytes of the header.
pub(crate) const HEADER: usize = 8;
/// Bytes of the largest cell of the old part. An object that needs more is a large object.
pub(crate) const MAX_SMALL: usize = 8 * 1024;
/// The largest supported alignment.
pub(crate) const MAX_ALIGN: usize = 4096;
/// Bytes of the smallest object: its address lies strictly inside, in a granule that no other
/// address uses.
const MIN_SIZE: usize = 16;

/// Returns the number of bytes from the address of a slice to its first element.
#[inline(always)]
pub(crate) const fn elements_offset(align: usize) -> usize {
    if align <= 16 { 8 } else { 16 }
}

/// Returns the bytes from header to end of a sized object.
pub(crate) const fn value_size(size: usize) -> usize {
    let size_with_header = (HEADER + size).next_multiple_of(8);
    if size_with_header < MIN_SIZE { MIN_SIZE } else { size_with_header }
}

/// Returns the bytes from header to end of an object with a tail.
#[inline(always)]
pub(crate) const fn tailed_size(size: usize, tail: usize) -> usize {
    // No overflow: the tail was a slice in memory.
    value_size(size + tail)
}

/// Returns the bytes from header to end of a slice of `len` elements, or `None` if no address space
/// could hold them.
#[inline(always)]
pub(crate) const fn slice_size(elem_size: usize, align: usize, len: usize) -> Option<usize> {
    let Some(bytes) = elem_size.checked_mul(len) else { return None };
    if bytes > isize::MAX as usize / 2 {
        return None;
    }
    Some((HEADER + elements_offset(align) + bytes).next_multiple_of(8))
}

/// Returns the number of bytes from the start of a cell of the old or large part to the address
/// ([layout.small], [layout.aligned]).
pub(crate) const fn cell_offset(align: usize, slice: bool) -> usize {
    match (align, slice) {
        (..=8, _) | (16, true) => 8,
        (align, false) => align,
        (align, true) => align - 16,
    }
}

/// Returns the first address at or after `from` where a header aligns the value or the elements
/// that follow.
#[inline(always)]
pub(crate) const fn young_start(from: usize, align: usize, slice: bool) -> usize {
    if align <= 8 {
        return from;
    }
    let aligned = HEADER + if slice { elements_offset(align) } else { 0 };
    (from + aligned).next_multiple_of(align) - aligned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_object_lies_on_its_alignment_in_every_part() {
        for align in [1, 2, 4, 8, 16, 32, 64, 512, 4096] {
            for slice in [false, true] {
                let first = if slice { elements_offset(align) } else { 0 };
                let address = cell_offset(align, slice);
                assert_eq!((address + first) % align, 0, "cell, align {align}, slice {slice}");
                assert!(address == 8 || (address >= 16 && address.is_multiple_of(16)));
                for from in (0..8192).step_by(8) {
                    let start = young_start(from, align, slice);
                    assert!(start >= from && start - from < align.max(8));
                    assert_eq!((start + HEADER + first) % align, 0);
                }
            }
        }
    }

    #[test]
    fn a_slice_that_no_memory_holds_has_no_extent() {
        assert_eq!(slice_size(8, 8, usize::MAX / 4), None);
        assert_eq!(slice_size(0, 1, usize::MAX), Some(16));
        assert_eq!(slice_size(1, 1, 3), Some(24));
    }
}
