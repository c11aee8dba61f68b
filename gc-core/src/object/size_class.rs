//! Size classes of the old part: multiples of 16 up to 128 bytes, then four classes for each
//! doubling, up to 8 KiB. One more class lies 16 bytes above each power of two, for values of so
//! many bytes with their header.
//!
//! An object of the young part takes at most 4/3 of its young bytes in a size class (24 bytes in
//! 32; `TypeShape::young_bytes` keeps this bound). The tail of a block, in which no cell fits, is
//! at most 1/15 of the block. [`PROMOTION_NUM`]/[`PROMOTION_DEN`] bounds both together.

use crate::memory::address_map::{BLOCK, GRANULE};

use super::layout::MAX_SMALL;

/// The number of classes.
pub(crate) const CLASSES: usize = 38;
/// Promotion takes at most this multiple of the young bytes, in blocks: the numerator.
pub(crate) const PROMOTION_NUM: usize = 3;
/// The denominator: see [`PROMOTION_NUM`].
pub(crate) const PROMOTION_DEN: usize = 2;

/// One size class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// Returns the class for `bytes`, or `None` if that is the size of a large object.
    #[inline(always)]
    pub(crate) const fn of(bytes: usize) -> Option<Self> {
        if bytes > MAX_SMALL {
            return None;
        }
        Some(Self(OF[bytes.div_ceil(GRANULE)]))
    }

    pub(crate) const fn from_index(index: usize) -> Self {
        assert!(index < CLASSES);
        Self(index as u8)
    }

    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the bytes of a cell.
    #[inline(always)]
    pub(crate) const fn bytes(self) -> usize {
        BYTES[self.0 as usize] as usize
    }

    /// Returns the number of cells in a block.
    #[inline(always)]
    pub(crate) const fn cells(self) -> usize {
        BLOCK / self.bytes()
    }

    /// Returns the cell in which the byte at `offset` of a block lies, by a multiplication instead
    /// of a division. The result is exact, because offset × cell bytes stays below 2³².
    #[inline(always)]
    pub(crate) const fn cell_of(self, offset: usize) -> usize {
        ((offset as u64 * RECIPROCAL[self.0 as usize]) >> 32) as usize
    }
}

/// Returns the number of empty blocks that promoting `young` bytes may need: the bytes rounded up
/// to size classes, and one block per class.
pub(crate) fn promotion_reserve(young: usize) -> usize {
    (young / PROMOTION_DEN).saturating_mul(PROMOTION_NUM).div_ceil(BLOCK) + CLASSES
}

static BYTES: [u16; CLASSES] = {
    let mut bytes = [0; CLASSES];
    let mut i = 0;
    while i < CLASSES {
        bytes[i] = if i < 8 {
            (i + 1) * GRANULE
        } else {
            let power = 128 << ((i - 8) / 5);
            match (i - 8) % 5 {
                0 => power + GRANULE,
                quarter => power + power / 4 * quarter,
            }
        } as u16;
        i += 1;
    }
    bytes
};

/// The smallest class that holds so many granules.
static OF: [u8; MAX_SMALL / GRANULE + 1] = {
    let mut of = [0; MAX_SMALL / GRANULE + 1];
    let (mut granules, mut class) = (0, 0);
    while granules < of.len() {
        while (BYTES[class] as usize) < granules * GRANULE {
            class += 1;
        }
        of[granules] = class as u8;
        granules += 1;
    }
    of
};

static RECIPROCAL: [u64; CLASSES] = {
    let mut reciprocal = [0; CLASSES];
    let mut i = 0;
    while i < CLASSES {
        reciprocal[i] = (1_u64 << 32).div_ceil(BYTES[i] as u64);
        i += 1;
    }
    reciprocal
};

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;
    use crate::object::TypeShape;

    #[test]
    fn the_class_of_a_size_is_the_smallest_that_holds_it() {
        for bytes in 1..=MAX_SMALL {
            let class = SizeClass::of(bytes).unwrap();
            assert!(class.bytes() >= bytes, "{bytes} in {class:?}");
            assert!(class.index() == 0 || SizeClass::from_index(class.index() - 1).bytes() < bytes);
            assert!(class.bytes().is_multiple_of(16));
        }
        assert_eq!(SizeClass::of(MAX_SMALL + 1), None);
        assert_eq!(SizeClass::of(MAX_SMALL).unwrap().index(), CLASSES - 1);
    }

    #[test]
    fn powers_of_two_are_classes_so_that_alignment_is_kept() {
        for power in 4..=13 {
            assert_eq!(SizeClass::of(1 << power).unwrap().bytes(), 1 << power);
        }
    }

    #[test]
    fn a_power_of_two_fits_with_its_header() {
        for power in 7..13 {
            assert_eq!(SizeClass::of((1 << power) + 8).unwrap().bytes(), (1 << power) + 16);
        }
    }

    #[test]
    fn the_cell_of_an_offset_is_its_quotient() {
        for index in 0..CLASSES {
            let class = SizeClass::from_index(index);
            for offset in 0..BLOCK {
                assert_eq!(class.cell_of(offset), offset / class.bytes());
            }
        }
    }

    /// Compares, for every shape and size of a small object, its young bytes with the share of a
    /// block that it takes.
    #[test]
    fn promotion_never_takes_more_than_its_bound() {
        for align in [1, 8, 16, 32, 64, 256, 1024, 4096] {
            for size in (0..=MAX_SMALL).step_by(align.min(8)).filter(|size| size % align.min(16) == 0) {
                let shapes =
                    [(TypeShape::sized(size, align, true, false), 0), (TypeShape::slice(1, align, true), size)];
                for (shape, len) in shapes {
                    let slice = crate::object::slice_size(1, align, len).unwrap();
                    let size_with_header = if shape.slice { slice } else { shape.size_with_header as usize };
                    let Some(class) = SizeClass::of(shape.cell_bytes(size_with_header)) else { continue };
                    let taken = BLOCK as f64 / class.cells() as f64;
                    let young = shape.young_bytes(size_with_header);
                    assert!(
                        taken / young as f64 <= PROMOTION_NUM as f64 / PROMOTION_DEN as f64,
                        "size {size}, align {align}, slice {}: {young} young bytes take {taken}",
                        shape.slice
                    );
                    assert!(align > 8 || young == size_with_header, "the fast path bumps by the size_with_header");
                }
            }
        }
    }
}
