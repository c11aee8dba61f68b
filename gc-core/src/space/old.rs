//! The old part: blocks of one size class each. Their bitmaps lie in separate memory, so nothing is written into dead cells.
//!
//! - **[block.allocation-bits]** A set allocation bit stands for an object; a cell without one is free. An object that needs
//!   dropping also has a drop bit.
//! - **[block.marks]** Between major cycles marks are clear; in a block that was swept they are clear from then on.
//! - **[block.states]** A block is empty (no class, no bits), open (one promotion cursor fills it) or closed. A closed block with
//!   free cells is listed under its class, except if it has too few of them, if it waits to be swept, or if it is an evacuation
//!   candidate.
//! - **[block.committed]** Blocks below `blocks.len()` are committed. Those that are neither `released` nor about to be are
//!   charged.
//!
//! The model `models/protocols/sweep.rs` covers promotion against the sweep.

use crate::{
    memory::{
        ReserveError,
        address_map::{AddressMap, BLOCK, GRANULE},
        bitmap::Bitmap,
    },
    object::size_class::{CLASSES, SizeClass},
    sync::{Arc, mutant},
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
    /// Whether the block waits to be swept, after marking: an object that is allocated and not marked is dead.
    pub(crate) unswept: bool,
    /// Major cycles in which the block is no evacuation candidate: too many places held pointers into it.
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
    /// Empty blocks with memory that is charged, the most recently used last.
    empty: Vec<u32>,
    /// Empty blocks whose memory was given back.
    released: Vec<u32>,
    /// The number of blocks on their way from `empty` to `released`.
    releasing: usize,
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
/// The number of blocks that are committed at once: a huge page.
pub(crate) const GROUP: usize = (2 << 20) / BLOCK;

impl OldSpace {
    pub(crate) fn new(map: AddressMap) -> Result<Self, ReserveError> {
        Ok(Self {
            map,
            blocks: Vec::new(),
            empty: Vec::new(),
            released: Vec::new(),
            releasing: 0,
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
        self.blocks.len() - self.empty.len() - self.released.len() - self.releasing
    }

    /// Returns the number of empty blocks with memory, which promotion may open.
    pub(crate) fn ready(&self) -> usize {
        self.empty.len()
    }

    /// Returns the free cells of the blocks that promotion may open, by class.
    pub(crate) fn free_cells(&self) -> &[u32; CLASSES] {
        &self.free_cells
    }

    /// Returns the bytes of descriptors and bitmaps, as far as blocks were ever committed.
    pub(crate) fn side_bytes(&self) -> usize {
        let bitmaps = self.blocks.len() * (BLOCK / GRANULE / 8) * 3;
        bitmaps + self.blocks.capacity() * size_of::<Block>()
    }

    /// Makes sure that `wanted` blocks are empty and have memory that is charged. It charges released blocks again by `charge`
    /// (bytes). It charges and commits new ones by `grow` (offset in the reservation, bytes). Returns whether there are enough.
    pub(crate) fn ensure_empty(
        &mut self,
        wanted: usize,
        charge: impl Fn(usize) -> bool,
        grow: impl Fn(usize, usize) -> bool,
    ) -> bool {
        while self.empty.len() < wanted {
            if !self.released.is_empty() {
                if !charge(BLOCK) {
                    return false;
                }
                self.empty.extend(self.released.pop());
                continue;
            }
            let first = self.blocks.len();
            let left = self.map.old.bytes / BLOCK - first;
            let offset = self.map.offset(self.map.block_start(first));
            // Near the limit there may be room for a block, but not for a whole group.
            let Some(count) = [GROUP, 1].into_iter().find(|&count| count <= left && grow(offset, count * BLOCK)) else {
                return false;
            };
            self.blocks.resize(first + count, EMPTY);
            // Room for every block, so that the list never grows in a pause.
            self.empty.reserve(self.blocks.len() - self.empty.len());
            self.empty.splice(0..0, (first as u32..(first + count) as u32).rev());
        }
        true
    }

    /// Opens a block for the promotion of objects of `class`: one with free cells, or an empty one.
    pub(crate) fn open(&mut self, class: SizeClass) -> Option<u32> {
        if let Some(block) = self.partial[class.index()].pop() {
            self.free_cells[class.index()] -= u32::from(core::mem::take(&mut self.blocks[block as usize].free));
            return Some(block);
        }
        let block = self.empty.pop()?;
        self.blocks[block as usize] = Block { class: Some(class), ..EMPTY };
        Some(block)
    }

    /// Lists a block by the number of live cells that its sweep found.
    pub(crate) fn close(&mut self, block: u32, live: usize) {
        self.list(block, live, if self.scarce { SCARCE } else { USUAL });
    }

    /// Lists a block that a cursor had open, whatever it has left: its free cells are room that was promised to what is young
    /// ([census.bound]), and may be promised for many pauses.
    pub(crate) fn close_open(&mut self, block: u32, live: usize) {
        self.list(block, live, usize::from(u16::MAX));
    }

    /// Lists a block of which at least one `part`-th is free.
    fn list(&mut self, block: u32, live: usize, part: usize) {
        let descriptor = &mut self.blocks[block as usize];
        let Some(class) = descriptor.class else { unreachable!("an empty block is not closed") };
        let free = class.cells() - live;
        if live == 0 {
            *descriptor = EMPTY;
            self.empty.push(block);
        } else if free > 0 && free * part >= class.cells() {
            descriptor.free = free as u16;
            self.free_cells[class.index()] += free as u32;
            self.partial[class.index()].push(block);
        }
    }

    /// Returns the free cells of a listed block. A block that is not listed has few, or is empty or open.
    pub(crate) fn listed_free(&self, block: u32) -> usize {
        usize::from(self.blocks[block as usize].free)
    }

    /// Returns the blocks that are listed under a class.
    pub(crate) fn listed(&self, class: SizeClass) -> &[u32] {
        &self.partial[class.index()]
    }

    /// Returns the empty blocks with memory.
    pub(crate) fn empty_blocks(&self) -> &[u32] {
        &self.empty
    }

    /// Returns how many objects of `class` find cells in listed and empty blocks.
    pub(crate) fn room(&self, class: SizeClass) -> usize {
        self.free_cells[class.index()] as usize + self.empty.len() * class.cells()
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

    /// Makes the blocks that receive objects first: listed ones in this order, empty ones of these groups.
    pub(crate) fn prefer(&mut self, blocks: &[u32], groups: &[u32]) {
        let mut rank = vec![u32::MAX; self.blocks.len()];
        for (nth, &block) in blocks.iter().enumerate() {
            rank[block as usize] = nth as u32;
        }
        for list in &mut self.partial {
            list.sort_unstable_by_key(|&block| core::cmp::Reverse(rank[block as usize]));
        }
        let mut rank = vec![u32::MAX; self.blocks.len().div_ceil(GROUP)];
        for (nth, &group) in groups.iter().enumerate() {
            rank[group as usize] = nth as u32;
        }
        self.empty.sort_by_key(|&block| core::cmp::Reverse(rank[block as usize / GROUP]));
    }

    /// Lists a block whose objects were moved out, as empty.
    pub(crate) fn emptied(&mut self, block: u32) {
        self.blocks[block as usize] = EMPTY;
        self.empty.push(block);
    }

    /// Begins a sweep: every block with objects waits for it, and no object is promoted into a block before the block is swept.
    /// All blocks are closed.
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
    }

    /// Records that a block was swept.
    pub(crate) fn swept(&mut self, block: usize) {
        debug_assert!(self.blocks[block].unswept);
        self.blocks[block].unswept = false;
        self.unswept -= 1;
    }

    /// Returns whether no block waits to be swept.
    pub(crate) fn is_swept(&self) -> bool {
        self.unswept == 0
    }

    /// Takes all empty blocks except `keep` off the list, so that their memory can be released without a lock.
    /// [`put_released`](Self::put_released) lists them again.
    pub(crate) fn take_surplus(&mut self, keep: usize) -> Vec<u32> {
        let surplus = self.empty.len().saturating_sub(keep);
        self.releasing += surplus;
        self.empty.drain(..surplus).collect()
    }

    /// Lists blocks whose memory was released.
    pub(crate) fn put_released(&mut self, blocks: &[u32]) {
        self.releasing -= blocks.len();
        self.released.extend_from_slice(blocks);
    }
}
