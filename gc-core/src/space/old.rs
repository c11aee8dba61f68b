//! The old part: blocks of one size class each. Their bitmaps lie in separate memory, so nothing is
//! written into dead cells.
//!
//! - **[block.allocation-bits]** A set allocation bit stands for an object; a cell without one is
//!   free. An object that needs dropping also has a drop bit.
//! - **[block.marks]** Between major cycles marks are clear; in a block that was swept they are
//!   clear from then on.
//! - **[block.states]** A block is empty (no class, no bits), open (one promotion cursor fills it)
//!   or closed. A closed block with free cells is listed under its class, except if it has too few
//!   of them, if it waits to be swept, or if it is an evacuation candidate.
//! - **[block.committed]** Blocks below `blocks.len()` are committed. Those that are not `released`
//!   are charged.
//! - **[block.spare]** The most blocks that were in use at a time, and the most that were in use or
//!   had to be ready, are known since the last sweep ended and for the cycle before that. A program
//!   that goes on as before takes no memory again that was given back meanwhile
//!   ([`spare`](OldSpace::spare), [`needed`](OldSpace::needed)).
//!
//! The model `models/protocols/sweep.rs` covers promotion against the sweep.

use crate::{
    memory::{
        ReserveError,
        address_map::{AddressMap, BLOCK, GRANULE, GROUP},
        bitmap::Bitmap,
        poison,
    },
    object::size_class::{CLASSES, SizeClass},
    sync::{Arc, mutant},
};

use super::{
    empty_blocks::{Advice, BlockMemory, EmptyBlocks, Leaving, Unit},
    peak::Peak,
};

/// Returns the address that a set bit of a block stands for ([layout.small], [layout.aligned]).
#[inline(always)]
pub(crate) fn address_in(map: &AddressMap, block: usize, class: SizeClass, granule_in_block: usize) -> *mut u8 {
    let offset = granule_in_block * GRANULE;
    let cell = class.cell_of(offset) * class.bytes();
    let within = if offset == cell { offset + 8 } else { offset };
    map.pointer(map.block_start(block) + within)
}

/// A block's descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// `None` for an empty block.
    pub(crate) class: Option<SizeClass>,
    /// Whether some object in the block may have a drop bit.
    pub(crate) drops: bool,
    /// Free cells if the block is listed, 0 otherwise.
    free: u16,
    /// Whether the block waits to be swept, after marking: an object that is allocated and not
    /// marked is dead.
    pub(crate) unswept: bool,
    /// Major cycles in which the block is no evacuation candidate: too many places held pointers
    /// into it.
    pub(crate) rests: u8,
}

/// Three bitmaps with one bit per granule of the old part, used without a lock.
pub(crate) struct Bits {
    map: AddressMap,
    pub(crate) allocated: Bitmap,
    pub(crate) marks: Bitmap,
    pub(crate) drops: Bitmap,
}

impl Bits {
    fn new(map: AddressMap) -> Result<Self, ReserveError> {
        let bitmap = || Bitmap::new(map.old.bytes);
        Ok(Self { map, allocated: bitmap()?, marks: bitmap()?, drops: bitmap()? })
    }

    pub(crate) fn map(&self) -> &AddressMap {
        &self.map
    }

    /// Gives back the memory of the bits of the group that begins with the block `first`.
    ///
    /// # Safety
    ///
    /// All blocks of the group are empty, and no thread opens one meanwhile.
    pub(crate) unsafe fn release_group(&self, first: usize) {
        for bitmap in [&self.allocated, &self.marks, &self.drops] {
            // SAFETY: empty blocks have no bits ([block.states]), and get none before one is opened.
            unsafe { bitmap.release_clear(first, GROUP * BLOCK) };
        }
    }

    /// Returns the granule of an address of the old part.
    #[inline(always)]
    pub(crate) fn granule(&self, address: usize) -> usize {
        self.map.old.offset(address) / GRANULE
    }

    /// Returns a pointer to an address of the old part.
    #[inline(always)]
    pub(crate) fn pointer(&self, address: usize) -> *mut u8 {
        self.map.pointer(address)
    }
}

/// The blocks and bitmaps of the old part.
pub(crate) struct OldSpace {
    pub(crate) map: AddressMap,
    pub(crate) blocks: Vec<Block>,
    empty: EmptyBlocks,
    /// Blocks in use, and those with the empty ones that had to be ready ([block.spare]).
    used: Peak<1>,
    needed: Peak<1>,
    /// Closed blocks with free cells, by class.
    partial: [Vec<u32>; CLASSES],
    /// The free cells of the blocks in `partial`.
    free_cells: [u32; CLASSES],
    /// Whether memory is short: blocks are listed even if few of their cells are free.
    pub(crate) scarce: bool,
    pub(crate) bits: Arc<Bits>,
    /// The number of blocks that wait to be swept.
    unswept: usize,
    /// Bytes of cells that hold objects.
    pub(crate) live_bytes: usize,
    /// Cells that hold objects.
    pub(crate) live_objects: usize,
}

const EMPTY: Block = Block { class: None, drops: false, free: 0, unswept: false, rests: 0 };
/// The part of a block's cells that must be free for the block to be listed: one in so many.
const USUAL: usize = 8;
/// The same while memory is short.
const SCARCE: usize = 128;

impl OldSpace {
    pub(crate) fn new(map: AddressMap) -> Result<Self, ReserveError> {
        Ok(Self {
            map,
            blocks: Vec::new(),
            empty: EmptyBlocks::new(map),
            used: Peak::default(),
            needed: Peak::default(),
            partial: [const { Vec::new() }; CLASSES],
            free_cells: [0; CLASSES],
            scarce: false,
            bits: Arc::new(Bits::new(map)?),
            unswept: 0,
            live_bytes: 0,
            live_objects: 0,
        })
    }

    /// Returns the address that a set bit of a block stands for ([layout.small], [layout.aligned]).
    #[inline(always)]
    pub(crate) fn address(&self, block: usize, class: SizeClass, granule_in_block: usize) -> *mut u8 {
        address_in(&self.map, block, class, granule_in_block)
    }

    /// Returns the number of blocks with objects.
    pub(crate) fn used_blocks(&self) -> usize {
        self.blocks.len() - self.empty.all()
    }

    /// Returns the number of empty blocks with memory, which promotion may open.
    pub(crate) fn ready(&self) -> usize {
        self.empty.ready()
    }

    /// Returns the number of empty blocks whose memory is charged: those that are ready, and those
    /// about to be released.
    pub(crate) fn charged_empty(&self) -> usize {
        self.empty.charged()
    }

    /// Returns how many empty blocks were in use at the same time as all that are in use now, up to
    /// a major cycle ago ([block.spare]).
    pub(crate) fn spare(&self) -> usize {
        self.used.most().saturating_sub(self.used_blocks())
    }

    /// Returns how many empty blocks had to be ready, or in use, at the same time as all that are
    /// in use now, up to a major cycle ago ([block.spare]).
    pub(crate) fn needed(&self) -> usize {
        self.needed.most().saturating_sub(self.used_blocks())
    }

    /// Returns the free cells of the blocks that promotion may open, by class.
    pub(crate) fn free_cells(&self) -> &[u32; CLASSES] {
        &self.free_cells
    }

    /// Returns the bytes of descriptors, as far as blocks were ever committed, and of bitmaps that
    /// may have memory.
    pub(crate) fn side_bytes(&self) -> usize {
        let blocks = self.blocks.len() - self.empty.bare_groups() * GROUP;
        let bitmaps = blocks * (BLOCK / GRANULE / 8) * 3;
        bitmaps + self.blocks.capacity() * size_of::<Block>() + self.empty.side_bytes()
    }

    /// Makes sure that `wanted` blocks are empty and have memory that is charged: released ones
    /// first, then new ones. Returns whether there are enough.
    pub(crate) fn ensure_empty(&mut self, wanted: usize, memory: &impl BlockMemory) -> bool {
        self.needed.note(self.used_blocks() + wanted);
        self.fill_up(wanted, memory)
    }

    /// Returns the offset of blocks to back ahead of their use, a group of those that `blocks`
    /// blocks will be opened in next.
    pub(crate) fn take_bare(&mut self, blocks: usize) -> Option<usize> {
        let group = self.empty.take_bare(blocks)?;
        Some(self.map.offset(self.map.block_start(group * GROUP)))
    }

    fn fill_up(&mut self, wanted: usize, memory: &impl BlockMemory) -> bool {
        let unit = if self.scarce { Unit::Block } else { Unit::Group };
        while self.ready() < wanted {
            if !self.empty.retake(unit, memory).unwrap_or_else(|| self.grow(memory)) {
                return false;
            }
        }
        true
    }

    /// Takes blocks that were never used: the rest of a group, or one. Returns whether that
    /// succeeded.
    fn grow(&mut self, memory: &impl BlockMemory) -> bool {
        let first = self.blocks.len();
        let left = self.map.old.bytes / BLOCK - first;
        let offset = self.map.offset(self.map.block_start(first));
        // Near the limit there may be room for a block, but not for a whole group.
        let counts = [GROUP - first % GROUP, 1];
        let Some(count) = counts.into_iter().find(|&count| count <= left && memory.grow(offset, count * BLOCK)) else {
            return false;
        };
        self.blocks.resize(first + count, EMPTY);
        self.empty.add(first, count);
        true
    }

    /// Opens a block for the promotion of objects of `class`: one with free cells, or an empty one.
    pub(crate) fn open(&mut self, class: SizeClass) -> Option<u32> {
        if let Some(block) = self.partial[class.index()].pop() {
            self.free_cells[class.index()] -= u32::from(core::mem::take(&mut self.blocks[block as usize].free));
            return Some(block);
        }
        let block = self.empty.pop()?;
        poison::allow(self.start(block), BLOCK);
        self.blocks[block as usize] = Block { class: Some(class), ..EMPTY };
        self.used.note(self.used_blocks());
        Some(block)
    }

    /// Lists a block by the number of live cells that its sweep found.
    pub(crate) fn close(&mut self, block: u32, live: usize) {
        self.list(block, live, if self.scarce { SCARCE } else { USUAL });
    }

    /// Lists a block that a cursor had open, whatever it has left: its free cells are room that was
    /// promised to what is young ([census.bound]), and may be promised for many pauses.
    pub(crate) fn close_open(&mut self, block: u32, live: usize) {
        self.list(block, live, usize::from(u16::MAX));
    }

    /// Lists a block of which at least one `part`-th is free.
    fn list(&mut self, block: u32, live: usize, part: usize) {
        let descriptor = &mut self.blocks[block as usize];
        let Some(class) = descriptor.class else { unreachable!("an empty block is not closed") };
        let free = class.cells() - live;
        if live == 0 {
            self.emptied(block);
        } else if free > 0 && free * part >= class.cells() {
            descriptor.free = free as u16;
            self.free_cells[class.index()] += free as u32;
            self.partial[class.index()].push(block);
        }
    }

    /// Returns the free cells of a listed block. A block that is not listed has few, or is empty or
    /// open.
    pub(crate) fn listed_free(&self, block: u32) -> usize {
        usize::from(self.blocks[block as usize].free)
    }

    /// Returns the blocks that are listed under a class.
    pub(crate) fn listed(&self, class: SizeClass) -> &[u32] {
        &self.partial[class.index()]
    }

    /// Returns the number of groups with a block in use.
    pub(crate) fn groups_in_use(&self) -> usize {
        self.empty.groups_in_use()
    }

    /// Returns the number of empty blocks of a group that may be opened.
    pub(crate) fn ready_in(&self, group: usize) -> usize {
        self.empty.ready_in(group)
    }

    /// Returns how many objects of `class` find cells in listed and empty blocks.
    pub(crate) fn room(&self, class: SizeClass) -> usize {
        self.free_cells[class.index()] as usize + self.empty.ready() * class.cells()
    }

    /// Takes blocks off the lists, so that nothing is promoted into them: they are to be evacuated.
    pub(crate) fn unlist(&mut self, blocks: &[u32]) {
        let mut listed = false;
        for &block in blocks {
            let Block { class, free, .. } = &mut self.blocks[block as usize];
            let class = class.expect("an empty block is not evacuated");
            listed |= *free > 0;
            self.free_cells[class.index()] -= u32::from(core::mem::take(free));
        }
        if listed && !mutant::CANDIDATES_STAY_LISTED.is_planted() {
            let descriptors = &self.blocks;
            self.partial.iter_mut().for_each(|list| list.retain(|&block| descriptors[block as usize].free > 0));
        }
    }

    /// Makes the blocks that receive objects first: listed ones in this order, empty ones of these
    /// groups.
    pub(crate) fn prefer(&mut self, blocks: &[u32], groups: &[u32]) {
        let mut rank = vec![u32::MAX; self.blocks.len()];
        for (nth, &block) in blocks.iter().enumerate() {
            rank[block as usize] = nth as u32;
        }
        for list in &mut self.partial {
            list.sort_unstable_by_key(|&block| core::cmp::Reverse(rank[block as usize]));
        }
        self.empty.prefer(groups);
    }

    fn start(&self, block: u32) -> *const u8 {
        self.map.pointer(self.map.block_start(block as usize))
    }

    /// Lists a block without objects, as empty.
    pub(crate) fn emptied(&mut self, block: u32) {
        poison::forbid(self.start(block), BLOCK);
        self.blocks[block as usize] = EMPTY;
        self.empty.push(block);
    }

    /// Begins a sweep: every block with objects waits for it, and no object is promoted into a
    /// block before the block is swept. All blocks are closed.
    pub(crate) fn begin_sweep(&mut self) {
        if !mutant::PARTIAL_BLOCKS_STAY_LISTED.is_planted() {
            self.partial.iter_mut().for_each(Vec::clear);
            self.free_cells = [0; CLASSES];
            // A block that its sweep does not list counts as full from then on.
            if !mutant::FREE_CELLS_STAY_COUNTED.is_planted() {
                self.blocks.iter_mut().for_each(|block| block.free = 0);
            }
        }
        for block in &mut self.blocks {
            block.unswept = block.class.is_some();
            block.rests = block.rests.saturating_sub(1);
        }
        self.unswept = self.blocks.iter().filter(|block| block.unswept).count();
        self.end_sweep_if_done();
    }

    /// Records that a block was swept.
    pub(crate) fn swept(&mut self, block: usize) {
        debug_assert!(self.blocks[block].unswept);
        self.blocks[block].unswept = false;
        self.unswept -= 1;
        self.end_sweep_if_done();
    }

    fn end_sweep_if_done(&mut self) {
        if self.is_swept() {
            let used = self.used_blocks();
            self.used.begin(used);
            self.needed.begin(used);
        }
    }

    /// Returns whether no block waits to be swept.
    pub(crate) fn is_swept(&self) -> bool {
        self.unswept == 0
    }

    /// Takes empty blocks except `keep`, and at most `most`, off the list, so that their memory can
    /// be released without a lock. [`put_released`](Self::put_released) lists them again.
    pub(crate) fn take_surplus(&mut self, keep: usize, most: usize, unit: Unit) -> Vec<Leaving> {
        self.empty.take_surplus(keep, most, unit)
    }

    /// Takes advice about huge pages that is due, to be given without a lock ([group.advice]).
    pub(crate) fn take_advice(&mut self) -> Option<Advice> {
        self.empty.take_advice()
    }

    /// Returns whether there may be such advice.
    pub(crate) fn has_advice(&self) -> bool {
        self.empty.has_advice()
    }

    /// Records that advice was given.
    pub(crate) fn advised(&mut self, advice: Advice) {
        self.empty.advised(advice);
    }

    /// Takes a group off the list that is ready, and that [`spare`](Self::spare) blocks do not
    /// need, if `least` blocks are ready meanwhile, or can be made so ([group.idle]).
    /// [`put_idle`](Self::put_idle) lists it again.
    pub(crate) fn take_idle(&mut self, spare: usize, least: usize, memory: &impl BlockMemory) -> Option<Leaving> {
        let may_leave = self.empty.has_idle(spare) && self.fill_up(least + GROUP, memory);
        may_leave.then(|| self.empty.take_idle(spare, least))?
    }

    /// Lists a group again whose memory was given back, and is charged.
    pub(crate) fn put_idle(&mut self, idle: Leaving) {
        self.empty.put_idle(idle);
    }

    /// Lists blocks whose memory was released.
    pub(crate) fn put_released(&mut self, blocks: &[Leaving]) {
        self.empty.put_released(blocks);
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use core::ptr::NonNull;

    use super::*;

    struct AnyMemory;

    impl BlockMemory for AnyMemory {
        fn charge(&self, _: usize, _: usize) -> bool {
            true
        }

        fn grow(&self, _: usize, _: usize) -> bool {
            true
        }
    }

    fn space() -> OldSpace {
        let map = AddressMap::new(NonNull::<u128>::dangling().cast(), 0, 0, 4 * GROUP * BLOCK);
        OldSpace::new(map).unwrap()
    }

    /// Memory of which the system commits no more than a block at a time.
    struct Blocks;

    impl BlockMemory for Blocks {
        fn charge(&self, _: usize, _: usize) -> bool {
            true
        }

        fn grow(&self, _: usize, bytes: usize) -> bool {
            bytes == BLOCK
        }
    }

    #[test]
    fn a_refused_group_of_blocks_is_tried_again_as_one_block() {
        let mut space = space();
        assert!(space.ensure_empty(5, &Blocks));
        assert_eq!((space.ready(), space.blocks.len()), (5, 5));
    }

    /// A major cycle that finds all but `live` of the blocks in use empty.
    fn cycle(space: &mut OldSpace, live: usize) {
        space.begin_sweep();
        let used = (0..space.blocks.len()).filter(|&block| space.blocks[block].unswept).collect::<Vec<_>>();
        for (n, block) in used.into_iter().enumerate() {
            space.swept(block);
            let Some(class) = space.blocks[block].class else { unreachable!("a block in use") };
            space.close(block as u32, if n < live { class.cells() } else { 0 });
        }
        assert!(space.is_swept());
    }

    #[test]
    fn what_was_in_use_for_a_cycle_is_spare() {
        let (mut space, class) = (space(), SizeClass::from_index(0));
        assert!(space.ensure_empty(50, &AnyMemory));
        assert_eq!((space.ready(), space.blocks.len()), (2 * GROUP, 2 * GROUP), "whole groups");
        for _ in 0..40 {
            space.open(class).unwrap();
        }
        cycle(&mut space, 10);
        assert_eq!((space.used_blocks(), space.spare()), (10, 30), "all that was used");
        assert_eq!(space.needed(), 40, "all that was to be ready");
        for _ in 0..5 {
            space.open(class).unwrap();
        }
        assert_eq!((space.used_blocks(), space.spare()), (15, 25));
        cycle(&mut space, 15);
        assert_eq!((space.used_blocks(), space.spare()), (15, 0), "what was in use before that is none");
        assert_eq!(space.needed(), 0);
        cycle(&mut space, 0);
        assert_eq!((space.used_blocks(), space.spare()), (0, 15));
        // The block that is swept last counts as in use.
        cycle(&mut space, 0);
        assert_eq!(space.spare(), 1, "a cycle that finds nothing to sweep ends one, too");
        cycle(&mut space, 0);
        assert_eq!(space.spare(), 0);
    }
}

impl Drop for OldSpace {
    fn drop(&mut self) {
        // The addresses may be mapped again, for anything.
        poison::allow(self.start(0), self.blocks.len() * BLOCK);
    }
}
