//! Memory for promotion: one cursor per size class and worker, which runs through the free cells of
//! a block.
//!
//! - **[promote.cursor]** A cursor's run, and the one that follows, consist of free cells of its
//!   block. The block is open: it is on no list, and no other cursor has it. So a worker goes on to
//!   the next run without a lock.
//! - **[promote.room]** A promotion always finds memory: before nursery memory is handed out,
//!   enough empty blocks are made ready for all of it, and one block per class for each worker that
//!   takes part.

use crate::{
    memory::{
        BLOCK, GRANULE,
        bitmap::{self, prefetch},
    },
    object::{
        TypeInfo,
        size_class::{CLASSES, SizeClass},
    },
    space::old::{Bits, OldSpace},
    sync::{Mutex, mutant},
};

/// Where one worker promotes the next object of each class.
pub(crate) struct Cursors {
    of: [Cursor; CLASSES],
    /// Bytes of cells taken since [`flush`](Self::flush).
    bytes: usize,
    /// Cells taken since then.
    objects: usize,
    /// Whether the old generation is being marked: promoted objects are then marked at once.
    pub(crate) marking: bool,
}

#[derive(Clone, Copy)]
struct Cursor {
    /// The next free cell, and the end of the run of free cells.
    next: usize,
    end: usize,
    /// The run of the block that comes after it, in granules of the block: empty if there is none.
    following: (u16, u16),
    block: Option<u32>,
    /// Whether the block has received an object that needs dropping.
    drops: bool,
}

const NOWHERE: Cursor = Cursor { next: 0, end: 0, following: (0, 0), block: None, drops: false };

impl Cursors {
    pub(crate) fn new() -> Self {
        Self { of: [NOWHERE; CLASSES], bytes: 0, objects: 0, marking: false }
    }

    /// Returns the address for an object that takes `size_with_header` bytes from its header. It is
    /// the same until [`take`](Self::take) takes it.
    #[inline(always)]
    pub(crate) fn place(
        &mut self,
        old: &Mutex<&mut OldSpace>,
        bits: &Bits,
        info: &'static TypeInfo,
        size_with_header: usize,
    ) -> (*mut u8, SizeClass) {
        let bytes = info.shape.cell_bytes(size_with_header);
        let Some(class) = SizeClass::of(bytes) else { unreachable!("gc-core: a young object larger than any class") };
        let cursor = &mut self.of[class.index()];
        if cursor.next == cursor.end {
            cursor.advance(old, bits, class);
        }
        (bits.pointer(cursor.next + info.shape.cell_offset()), class)
    }

    /// Takes the memory that [`place`](Self::place) returned: an object was put there. Sets its
    /// allocation bit. Sets its drop bit if it needs dropping, and its mark during marking.
    #[inline(always)]
    pub(crate) fn take(&mut self, bits: &Bits, address: *mut u8, class: SizeClass, info: &'static TypeInfo) {
        let cursor = &mut self.of[class.index()];
        cursor.next += class.bytes();
        let granule = bits.granule(address.addr());
        debug_assert!(!bits.allocated.is_set(granule), "promoted over an object");
        bits.allocated.set(granule);
        if self.marking && !mutant::BORN_UNMARKED.is_planted() {
            bits.marks.set(granule);
        }
        if info.drop.is_some() {
            bits.drops.set(granule);
            cursor.drops = true;
        }
        self.bytes += class.bytes();
        self.objects += 1;
    }

    /// Adds what was taken to the figures of the old part.
    pub(crate) fn flush(&mut self, old: &mut OldSpace) {
        old.live_bytes += core::mem::take(&mut self.bytes);
        old.live_objects += core::mem::take(&mut self.objects);
        for cursor in &mut self.of {
            cursor.flush(old);
        }
    }

    /// Closes every open block and lists it, so that any worker may promote into it. What was taken
    /// is flushed.
    pub(crate) fn close(&mut self, old: &mut OldSpace) {
        debug_assert_eq!(self.bytes, 0, "closed before it was flushed");
        for cursor in &mut self.of {
            if let Some(block) = core::mem::replace(cursor, NOWHERE).block {
                old.close_open(block, bitmap::count(old.bits.allocated.block(block as usize)));
            }
        }
    }

    /// Closes every open block, so that it can be swept.
    pub(crate) fn retire(&mut self) {
        debug_assert_eq!(self.bytes, 0, "retired before it was settled");
        *self = Self { marking: self.marking, ..Self::new() };
    }
}

impl Cursor {
    fn flush(&mut self, old: &mut OldSpace) {
        if let Some(block) = self.block
            && core::mem::take(&mut self.drops)
        {
            old.blocks[block as usize].drops = true;
        }
    }

    /// Goes on to the next run of free cells, in this block or another ([promote.cursor],
    /// [promote.room]). Only another block takes the lock.
    #[cold]
    #[inline(never)]
    fn advance(&mut self, old: &Mutex<&mut OldSpace>, bits: &Bits, class: SizeClass) {
        loop {
            let (next, end) = self.following;
            if let Some(block) = self.block
                && next < end
            {
                let start = bits.map().block_start(block as usize);
                (self.next, self.end) = (start + usize::from(next) * GRANULE, start + usize::from(end) * GRANULE);
                self.find_following(bits, block, class);
                return;
            }
            let mut old = old.lock();
            self.flush(&mut old);
            let block = old.open(class).expect("gc-core: no block to promote into was kept ready");
            drop(old);
            let start = bits.map().block_start(block as usize);
            *self = Cursor { next: start, end: start, following: (0, 0), block: Some(block), drops: false };
            self.find_following(bits, block, class);
        }
    }

    /// Finds the run after the one that the cursor has, and has its first cell on the way to the
    /// cache when it is needed.
    fn find_following(&mut self, bits: &Bits, block: u32, class: SizeClass) {
        let granule = |address: usize| ((address - bits.map().block_start(block as usize)) / GRANULE) as u16;
        let following = free_run(bits, block, class, self.end);
        self.following = following.map_or((0, 0), |(next, end)| (granule(next), granule(end)));
        if let Some((next, _)) = following {
            prefetch(bits.pointer(next));
        }
    }
}

/// Returns the next run of free cells of an open block at or after the address `from`: its first
/// cell, and its end.
pub(super) fn free_run(bits: &Bits, block: u32, class: SizeClass, from: usize) -> Option<(usize, usize)> {
    let start = bits.map().block_start(block as usize);
    let bits = bits.allocated.block(block as usize);
    let mut cell = class.cell_of(from - start);
    // A block's last bytes need not be a whole cell.
    while cell < class.cells() {
        let from = cell * class.bytes();
        let taken = bitmap::next_set(bits, from / GRANULE).map_or(BLOCK, |granule| granule * GRANULE);
        let until = if taken == BLOCK { class.cells() } else { class.cell_of(taken) };
        if until > cell {
            return Some((start + from, start + until * class.bytes()));
        }
        cell += 1;
    }
    None
}
