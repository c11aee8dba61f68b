//! Memory for objects that become old: one cursor per size class, which runs through the free cells of a block.
//!
//! - **P1** A cursor's run is free cells of its block, which is open: on no list.
//! - **P2** `cell` never fails: before nursery memory was handed out, enough blocks were made ready for all of it.

use crate::memory::{
    BLOCK, GRANULE, TypeInfo,
    bitmap::BLOCK_WORDS,
    blocks::OldSpace,
    size_class::{CLASSES, SizeClass},
};
use crate::sync::atomic::Ordering;

/// Where the next object of each class goes.
pub(crate) struct Cursors {
    of: [Cursor; CLASSES],
}

#[derive(Clone, Copy)]
struct Cursor {
    /// The next free cell, and the end of the run of free cells.
    next: usize,
    end: usize,
    block: Option<u32>,
}

impl Cursors {
    pub(crate) fn new() -> Self {
        Self { of: [Cursor { next: 0, end: 0, block: None }; CLASSES] }
    }

    /// The address for an object that takes `extent` bytes from its header. Its allocation bit is set, its drop bit if it
    /// needs dropping.
    #[inline(always)]
    pub(crate) fn promote(&mut self, old: &mut OldSpace, info: &'static TypeInfo, extent: usize) -> *mut u8 {
        let bytes = info.shape.cell_bytes(extent);
        let Some(class) = SizeClass::of(bytes) else { unreachable!("gc-core: a young object larger than any class") };
        let cursor = &mut self.of[class.index()];
        if cursor.next == cursor.end {
            cursor.advance(old, class);
        }
        let cell = cursor.next;
        cursor.next += class.bytes();
        let address = cell + info.shape.cell_offset();
        let granule = old.granule(address);
        old.allocated.set(granule);
        if info.drop.is_some() {
            old.drops.set(granule);
            old.blocks[old.map.block_of(cell)].drops = true;
        }
        old.live_bytes += class.bytes();
        old.live_objects += 1;
        old.map.pointer(address)
    }

    /// Closes every open block, so that it can be swept.
    pub(crate) fn retire(&mut self) {
        *self = Self::new();
    }
}

impl Cursor {
    /// Finds the next run of free cells, in this block or another (P1, P2).
    #[cold]
    #[inline(never)]
    fn advance(&mut self, old: &mut OldSpace, class: SizeClass) {
        loop {
            if let Some(block) = self.block
                && self.next_run(old, block, class)
            {
                return;
            }
            let block = old.open(class).expect("gc-core: no block to promote into was kept ready");
            let start = old.map.block_start(block as usize);
            *self = Self { next: start, end: start, block: Some(block) };
        }
    }

    /// Moves to the next run of free cells after `end`. Whether there is one.
    fn next_run(&mut self, old: &OldSpace, block: u32, class: SizeClass) -> bool {
        let start = old.map.block_start(block as usize);
        let bits = old.allocated.block(block as usize);
        let mut cell = class.cell_of(self.end - start);
        // A block's last bytes may be no whole cell.
        while cell < class.cells() {
            let from = cell * class.bytes();
            let taken = next_set(bits, from / GRANULE).map_or(BLOCK, |granule| granule * GRANULE);
            let until = if taken == BLOCK { class.cells() } else { class.cell_of(taken) };
            if until > cell {
                self.next = start + from;
                self.end = start + until * class.bytes();
                return true;
            }
            cell += 1;
        }
        false
    }
}

/// The first set bit at or after `from`.
fn next_set(bits: &[crate::sync::atomic::AtomicU64; BLOCK_WORDS], from: usize) -> Option<usize> {
    let mut index = from / 64;
    let mut mask = u64::MAX << (from % 64);
    while index < BLOCK_WORDS {
        // Relaxed: in a pause; the block is ours.
        let word = bits[index].load(Ordering::Relaxed) & mask;
        if word != 0 {
            return Some(index * 64 + word.trailing_zeros() as usize);
        }
        mask = u64::MAX;
        index += 1;
    }
    None
}
