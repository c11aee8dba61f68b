//! A census of the young objects, by size class: how many empty blocks their promotion may need.
//!
//! A free cell of one size class is no room for another, so bytes of free cells say nothing. Cells
//! of the classes that are there do.
//!
//! - **[census.bound]** Let `n` objects of a class be counted, in a class of `k` cells a block, `f`
//!   of which are free in blocks that promotion will open. One worker opens free cells before empty
//!   blocks, and fills a block before it opens the next. So it opens at most `⌈(n - f) / k⌉` empty
//!   blocks for the class. Young bytes whose objects are not counted may be of any class, and take
//!   at most [`PROMOTION_NUM`]/[`PROMOTION_DEN`] of their size in cells; they may also make each
//!   class need one block more, unless the class has free cells for all of them. [`Census::blocks`]
//!   is the sum.
//! - **[census.workers]** Each further worker may leave one block of each class that is not full.
//!   So `W` workers open at most `⌈(n - f) / k⌉ + W - 1` empty blocks for a class: let `e` be
//!   opened, by `w` of the workers. All but `w` of them are full, and each of the other `W - w`
//!   workers holds back at most the `k` free cells of a block. So `(e - w)·k + w + f - (W - w)·k ≤
//!   n`, and `w ≥ 1` if `e ≥ 1`, as a worker keeps the block that it opened last.
//! - **[census.complete]** Every object of a region that was retired is counted once: by its class
//!   if it is complete, as bytes of unknown class if its header is that of a filler, because an
//!   object under construction has such a header. Every other young byte that has been handed out
//!   is counted as unknown.

use core::ptr::NonNull;

use crate::{
    memory::BLOCK,
    object::{
        Header, HeaderWord,
        size_class::{CLASSES, PROMOTION_DEN, PROMOTION_NUM, SizeClass},
    },
};

/// Young objects by class.
#[derive(Clone)]
pub(crate) struct Census {
    cells: [u32; CLASSES],
    /// Young bytes of the objects in `cells`.
    counted: usize,
    /// Young bytes of objects of unknown class.
    unknown: usize,
}

impl Default for Census {
    fn default() -> Self {
        Self { cells: [0; CLASSES], counted: 0, unknown: 0 }
    }
}

impl Census {
    /// Counts the objects from `from` to `to`.
    ///
    /// # Safety
    ///
    /// Headers of objects and fillers lie there without a gap ([chunk.no-gaps]), and no other
    /// thread writes them meanwhile.
    pub(crate) unsafe fn walk(&mut self, from: *mut u8, to: usize) {
        let mut at = from;
        while at.addr() < to {
            let Some(place) = NonNull::new(at) else { unreachable!("gc-core: a chunk at address 0") };
            let header = Header::at(place);
            // SAFETY: a header (the caller's duty): the objects before it end here.
            match unsafe { header.read() } {
                HeaderWord::Info(info) => {
                    // SAFETY: an object of this type.
                    let size = unsafe { info.size_with_header(header.address()) };
                    let bytes = info.shape.young_bytes(size);
                    match SizeClass::of(info.shape.cell_bytes(size)) {
                        Some(class) => self.cells[class.index()] += 1,
                        None => unreachable!("gc-core: a young object larger than any class"),
                    }
                    self.counted += bytes;
                    at = at.wrapping_add(bytes);
                }
                HeaderWord::Filler(bytes) => {
                    self.unknown += bytes;
                    at = at.wrapping_add(bytes);
                }
                HeaderWord::Forwarded(_) => unreachable!("gc-core: a forwarded object outside of a pause"),
            }
        }
    }

    /// Counts bytes of unknown class, which are handed out.
    pub(crate) fn add_unknown(&mut self, bytes: usize) {
        self.unknown += bytes;
    }

    /// Takes back bytes of unknown class: the caller counts what is in them by
    /// [`walk`](Self::walk).
    pub(crate) fn take_unknown(&mut self, bytes: usize) {
        debug_assert!(self.unknown >= bytes);
        self.unknown -= bytes;
    }

    /// Returns the young bytes that are counted by class.
    pub(crate) fn counted(&self) -> usize {
        self.counted
    }

    /// Returns how many empty blocks one worker may open to promote everything, and `more` bytes of
    /// unknown class, where `free` are the free cells by class ([census.bound]).
    pub(crate) fn blocks(&self, free: &[u32; CLASSES], more: usize) -> usize {
        let unknown = (self.unknown + more).saturating_mul(PROMOTION_NUM).div_ceil(PROMOTION_DEN);
        let (bytes, rounded) = self.sum(free, unknown, |cells| cells as usize);
        bytes.div_ceil(BLOCK) + rounded
    }

    /// Returns how many bytes of empty blocks it takes to promote `bytes` of the same mix of
    /// classes, rounding to whole blocks not included. `None` if nothing is counted.
    pub(crate) fn block_bytes(&self, free: &[u32; CLASSES], bytes: usize) -> Option<usize> {
        let counted = self.counted as u128;
        let cells = |cells| (u128::from(cells) * bytes as u128).div_ceil(counted) as usize;
        (counted > 0).then(|| self.sum(free, 0, cells).0)
    }

    /// Returns the bytes of empty blocks, and how many classes may need to round them up to a whole
    /// block.
    fn sum(&self, free: &[u32; CLASSES], unknown: usize, cells: impl Fn(u32) -> usize) -> (usize, usize) {
        let (mut bytes, mut blocks) = (unknown, 0);
        for (index, (&young, &free)) in self.cells.iter().zip(free).enumerate() {
            let share = BLOCK.div_ceil(SizeClass::from_index(index).cells());
            let (young, free) = (cells(young), free as usize);
            bytes = bytes.saturating_add(young.saturating_sub(free).saturating_mul(share));
            if young > free || (free - young).saturating_mul(share) < unknown {
                blocks += 1;
            }
        }
        (bytes, blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(class: usize, cells: u32, unknown: usize) -> Census {
        let mut census = Census { unknown, ..Census::default() };
        census.cells[class] = cells;
        census.counted = cells as usize * 16;
        census
    }

    #[test]
    fn free_cells_of_a_class_are_room_for_that_class_only() {
        let mut free = [0; CLASSES];
        free[4] = 1000;
        assert_eq!(census(4, 1000, 0).blocks(&free, 0), 0);
        let cells = SizeClass::from_index(5).cells() as u32;
        assert!(census(5, 10 * cells, 0).blocks(&free, 0) >= 10);
        assert_eq!(census(4, 1000, 0).block_bytes(&free, 16000), Some(0));
        assert_eq!(
            census(4, 1000, 0).block_bytes(&free, 16016),
            Some(81),
            "a cell more, with its part of the block's tail"
        );
    }

    #[test]
    fn bytes_of_unknown_class_may_need_a_block_of_each_class_but_where_they_fit() {
        assert!(Census::default().blocks(&[0; CLASSES], 16) >= CLASSES);
        assert_eq!(Census::default().blocks(&[1 << 12; CLASSES], 1024), 1);
    }

    /// Promotes every split of some objects over workers that open blocks in every order of a seed,
    /// and counts the empty ones.
    #[test]
    fn workers_open_no_more_blocks_than_the_bound() {
        let cells = SizeClass::from_index(20).cells() as u32;
        let mut state = 1_u64;
        let mut below = |n: u32| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as u32 % n
        };
        for _ in 0..20_000 {
            let workers = 1 + below(4) as usize;
            let mut partial: Vec<u32> = (0..below(5)).map(|_| 1 + below(cells)).collect();
            let young = below(6 * cells);
            let mut free = [0; CLASSES];
            free[20] = partial.iter().sum();
            let (bytes, rounded) = census(20, young, 0).sum(&free, 0, |cells| cells as usize);
            let bound = bytes.div_ceil(BLOCK) + rounded;
            let (mut hand, mut empty) = (vec![0; workers], 0);
            for _ in 0..young {
                let worker = &mut hand[below(workers as u32) as usize];
                if *worker == 0 {
                    *worker = partial.pop().unwrap_or_else(|| {
                        empty += 1;
                        cells
                    });
                }
                *worker -= 1;
            }
            assert!(empty < bound + workers, "{empty} of {bound}, {workers} workers, {young} objects");
        }
    }
}
